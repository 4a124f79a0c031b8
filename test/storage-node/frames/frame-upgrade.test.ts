import { connect } from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { clusterHeader, targetNodeHeader } from "../../../src/wire/paths.js";
import { CertificateAuthority } from "../../support/certificates.js";
import { openPeer, upgradeHead, type FramePeer } from "../../support/frame-peer.js";
import { RenewableTls } from "../../support/renewable-tls.js";
import { put } from "../operations.js";
import { runNode } from "../running-node.js";

const tokens = { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" };

async function openAt(url: string, bytes?: string): Promise<FramePeer> {
  const peer = await openPeer(url, bytes);
  onTestFinished(() => void peer.socket.destroy());
  return peer;
}

/** Status line and code of the HTTP answer to `bytes`, once the connection has ended. */
async function refusalOf(url: string, bytes: string): Promise<string> {
  const peer = await openAt(url, bytes);
  await vi.waitFor(() => expect(peer.isEnded).toBe(true));
  const [, status] = peer.head.split(" ");
  return `${status} ${/"code":"(\w+)"/.exec(peer.head)?.[1]}`;
}

describe("the upgrade to frames", () => {
  it("is answered with 101 and a hello", async () => {
    const { node } = await runNode();
    const peer = await openAt(node.url);
    const hello = await peer.message(0, "hello");
    expect(peer.head).toBe("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shardgate-batch/1");
    expect(JSON.parse(hello.body.toString())).toEqual({ requestsMax: 256, bytesMax: 50_331_648, connections: 1 });
  });

  it("tells how many connections keep all of the storage node's processes busy", async () => {
    const { node } = await runNode({ worker: { isFirst: true, count: 3, metricsText: async () => "" } });
    const hello = await (await openAt(node.url)).message(0, "hello");
    expect(JSON.parse(hello.body.toString())).toMatchObject({ connections: 3 });
  });

  it.each([
    ["another storage node", [`${targetNodeHeader}: node2`], "409 NODE_CONFLICT"],
    ["a cluster, of a node that has none", [`${clusterHeader}: c1`], "409 CLUSTER_MISMATCH"],
    ["a web page", ["Origin: http://evil"], "403 ORIGIN_NOT_ALLOWED"],
  ])("is refused as an HTTP request is: meant for %s", async (_what, headers, expected) => {
    const { node } = await runNode();
    expect(await refusalOf(node.url, upgradeHead([...headers, "Connection: close"]))).toBe(expected);
  });

  it("is refused with a host name that is not the storage node's", async () => {
    const { node } = await runNode();
    const head = upgradeHead().replace("Host: 127.0.0.1", "Host: evil.example");
    expect(await refusalOf(node.url, head)).toBe("421 HOST_NOT_ALLOWED");
  });

  it("requires the token of the cluster's gateways, if there is one", async () => {
    const { node } = await runNode({ tokens });
    expect(await refusalOf(node.url, upgradeHead())).toBe("401 UNAUTHENTICATED");
    expect(await refusalOf(node.url, upgradeHead(["Authorization: Bearer from-node"]))).toBe("401 UNAUTHENTICATED");
    const peer = await openAt(node.url, upgradeHead(["Authorization: Bearer from-gateway"]));
    await peer.message(0, "hello");
  });

  it("is refused while the storage node drains, and then by a closed port", async () => {
    const { node, engine, clock } = await runNode();
    engine.hold();
    const peer = await openAt(node.url);
    peer.request(1, [put("a", "1")]);
    await vi.waitFor(() => expect(engine.writes).toHaveLength(1));
    const draining = node.drain();
    expect(await refusalOf(node.url, upgradeHead())).toBe("503 DRAINING");
    engine.release();
    await peer.message(1, "answer");
    await clock.advance(1_000);
    await draining;
    await expect(openPeer(node.url)).rejects.toThrow("ECONNREFUSED");
  });

  it("no longer counts as an open request once it is done", async () => {
    const { node, send } = await runNode();
    await (await openAt(node.url)).message(0, "hello");
    expect((await send("/metrics")).text).toMatch(/shardgate_storage_requests_in_flight 1\n/);
  });
});

describe("an upgrade that arrives before earlier requests of its connection are answered", () => {
  it.each(["shardgate-batch/1", "h2c"])("ends the connection after those answers: to %s", async (protocol) => {
    const { node, engine, send } = await runNode();
    const upgrade = upgradeHead().replace("shardgate-batch/1", protocol);
    const write = "PUT /shard/1/store/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n1";
    engine.hold();
    const peer = await openAt(node.url, `${write}${upgrade}${upgrade}`);
    await vi.waitFor(() => expect(engine.writes).toHaveLength(1));
    expect((await send("/health")).status).toBe(200);
    engine.release();
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
    const statuses = [...peer.head.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);
    expect(statuses).toEqual(["201"]);
  });

  it("leaves the storage node running when the client disconnects before them", async () => {
    const { node, engine, send } = await runNode();
    engine.holdReads();
    const peer = await openAt(node.url, `GET /shard/1/store/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${upgradeHead()}`);
    await vi.waitFor(() => expect(engine.reads).toHaveLength(1));
    peer.socket.resetAndDestroy();
    engine.release();
    await vi.waitFor(async () =>
      expect((await send("/metrics")).text).toMatch(/shardgate_storage_requests_in_flight 1\n/),
    );
  });
});

describe("an upgrade to another protocol", () => {
  it.each([
    ["GET /health, to h2c", "GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", "", 200],
    [
      "a POST with a body, to WebSocket",
      "POST /batch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUPGRADE: websocket\r\n",
      '{"operations":[]}\n',
      200,
    ],
    [
      "frames of a later version",
      "GET /batch HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shardgate-batch/2\r\n",
      "",
      405,
    ],
    [
      "frames elsewhere",
      "GET /shards HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shardgate-batch/1\r\n",
      "",
      200,
    ],
    [
      "frames by POST",
      "POST /batch HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shardgate-batch/1\r\n",
      '{"operations":[]}\n',
      200,
    ],
    [
      "frames with a body",
      "GET /batch HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shardgate-batch/1\r\n",
      "x",
      405,
    ],
    [
      "frames without asking for the upgrade",
      "GET /batch HTTP/1.1\r\nHost: a\r\nUpgrade: shardgate-batch/1\r\n",
      "",
      405,
    ],
  ])("is ignored: %s", async (_what, head, body, status) => {
    const { node } = await runNode({ advertisedUrl: "http://a" });
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    // A second request on the connection, which must continue.
    const next = "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const peer = await openAt(node.url, `${head}${length}\r\n${body}${next}`);
    await vi.waitFor(() => expect(peer.isEnded).toBe(true));
    const statuses = [...peer.head.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));
    expect(statuses).toEqual([status, 404]);
  });

  it("is ignored over TLS too", async () => {
    const ca = new CertificateAuthority("Cluster CA");
    const { node } = await runNode({ tls: new RenewableTls({ server: ca.issue() }) });
    const socket = connect({ host: "127.0.0.1", port: node.port, ca: ca.cert });
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    socket.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    socket.write("GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    await new Promise((resolve) => socket.once("close", resolve));
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(["200", "404"]);
  });

  it("affects no other connection when its client disconnects", async () => {
    const { node, send } = await runNode();
    for (const bytes of [upgradeHead(), upgradeHead().replace("shardgate-batch/1", "h2c")]) {
      const peer = await openAt(node.url, bytes);
      peer.socket.resetAndDestroy();
    }
    expect((await send("/health")).status).toBe(200);
  });
});
