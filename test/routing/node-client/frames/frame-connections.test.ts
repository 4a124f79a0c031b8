import { afterEach, describe, expect, it, vi } from "vitest";
import type { RoutedOperation } from "../../../../src/core/operation.js";
import { UndiciNodeClient } from "../../../../src/routing/node-client/undici-node-client.js";
import { noTls } from "../../../../src/tls/tls-source.js";
import { clusterHeader, targetNodeHeader } from "../../../../src/wire/paths.js";
import {
  agree,
  answerFrame,
  helloFrame,
  startFrameNode,
  switchProtocols,
  type FrameNode,
  type OnUpgrade,
} from "../../../support/frame-node.js";
import { frame, type FramePeer } from "../../../support/frame-peer.js";
import { openGuard } from "../../../support/open-guard.js";
import { get, routed } from "../../../support/operations.js";
import { frameRetryMs } from "../../../../src/routing/node-client/frames/frame-connections.js";

const call = { timeoutMs: 5_000 };
const notFound = [{ kind: "notFound" }] as const;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Opened {
  readonly node: FrameNode;
  readonly client: UndiciNodeClient;
  setCluster(clusterId: string): void;
}

async function open(onUpgrade: OnUpgrade | null = agree, token: string | null = null): Promise<Opened> {
  const node = await startFrameNode(onUpgrade);
  let cluster = "c1";
  const facts = { clusterId: () => cluster, mayBePlain: () => false };
  const client = new UndiciNodeClient({ name: "node2", url: node.url, facts, guard: openGuard, tls: noTls, token });
  closers.push(
    () => node.close(),
    () => client.close(),
  );
  return { node, client, setCluster: (clusterId) => void (cluster = clusterId) };
}

const one = (key = "a"): readonly RoutedOperation[] => [routed(get(key))];

/** Answers each request on the connection as it arrives. */
function serve(peer: FramePeer): void {
  let answered = 0;
  peer.socket.on("data", () => {
    for (; answered < peer.messages.length; answered++) {
      const { type, id } = peer.messages[answered] ?? {};
      if (type === "request" && id !== undefined) peer.send(answerFrame(id, notFound));
    }
  });
}

/** Accepts the upgrade and answers batches. */
function agreeAndServe(node: () => FrameNode): OnUpgrade {
  return (socket) => {
    agree(socket);
    const peer = node().peers.at(-1);
    if (peer !== undefined) serve(peer);
  };
}

/** A client whose batches use frames. */
async function openFramed(): Promise<Opened> {
  let node: FrameNode | null = null;
  const opened = await open(
    agreeAndServe(() => {
      if (node === null) throw new Error("The node does not run yet.");
      return node;
    }),
  );
  node = opened.node;
  await untilFramed(opened);
  return opened;
}

/** Sends batches until one arrives in a frame on the newest connection. */
async function untilFramed({ client, node }: Opened, connections = 1): Promise<void> {
  await vi.waitFor(async () => {
    expect(await client.execute(one(), call)).toEqual(notFound);
    expect(node.peers.length).toBeGreaterThanOrEqual(connections);
    expect(node.peers.at(-1)?.messages.length).toBeGreaterThan(0);
  });
}

/** Whether the client has ended its connection. */
const isOver = (peer: FramePeer): boolean => peer.isEnded || peer.isClosed;

const count = (node: FrameNode, request: string): number => node.requests.filter((one) => one === request).length;

describe("the connections of frames of a storage node", () => {
  it("are opened while batches use HTTP, and then carry all of them", async () => {
    const { node, client } = await openFramed();
    expect(node.requests.slice(0, 3).toSorted()).toEqual(["GET /health", "POST /batch", "UPGRADE"].toSorted());
    const before = count(node, "POST /batch");
    await client.execute(one(), call);
    await client.execute(one(), call);
    expect([count(node, "POST /batch"), count(node, "UPGRADE"), count(node, "GET /health")]).toEqual([before, 1, 1]);
  });

  it("are requested with the token, and with the intended storage node and cluster", async () => {
    const { node, client } = await open(agree, "abc");
    await client.execute(one(), call);
    await client.execute(one(), call);
    await node.peer();
    const { method, url, headers } = node.upgrades[0] ?? {};
    expect([method, url]).toEqual(["GET", "/batch"]);
    expect(headers).toMatchObject({
      authorization: "Bearer abc",
      [targetNodeHeader]: "node2",
      [clusterHeader]: "c1",
      upgrade: "shardgate-batch/1",
    });
  });

  it("are reopened for another cluster, because the upgrade named the previous one", async () => {
    const opened = await openFramed();
    opened.setCluster("c2");
    await untilFramed(opened, 2);
    expect(opened.node.upgrades.map(({ headers }) => headers[clusterHeader])).toEqual(["c1", "c2"]);
    await vi.waitFor(() => expect(opened.node.peers[0]?.isEnded).toBe(true));
  });

  it("are reopened when one broke, without another check of the storage node's identity", async () => {
    const opened = await openFramed();
    opened.node.peers[0]?.socket.resetAndDestroy();
    await untilFramed(opened, 2);
    expect(count(opened.node, "GET /health")).toBe(1);
  });

  it("are reopened after a goodbye, while batches use HTTP", async () => {
    const opened = await openFramed();
    opened.node.peers[0]?.send(frame("goodbye", 0));
    await untilFramed(opened, 2);
  });

  it("are as many as the storage node has processes, once one has running calls", async () => {
    const { node, client } = await open((socket) => {
      socket.write(switchProtocols());
      socket.write(helloFrame({ connections: 2 }));
    });
    await client.execute(one(), call);
    await client.execute(one(), call);
    const first = await node.peer(1);
    const waiting: Promise<unknown>[] = [];
    // One batch waits on the first connection; the next ones notice that and open another.
    await vi.waitFor(() => {
      waiting.push(client.execute(one(), call).catch(() => {}));
      expect(node.peers).toHaveLength(2);
    });
    const second = await node.peer(2);
    await vi.waitFor(() => {
      waiting.push(client.execute(one(), call).catch(() => {}));
      expect(second.messages.length).toBeGreaterThan(0);
    });
    expect(first.messages.length).toBeGreaterThan(0);
    for (let times = 0; times < 5; times++) waiting.push(client.execute(one(), call).catch(() => {}));
    await vi.waitFor(() => expect(first.messages.length + second.messages.length).toBeGreaterThan(6));
    expect(node.peers).toHaveLength(2);
    await client.close();
    await Promise.all(waiting);
  });

  it("end with the client, even one that is being opened", async () => {
    const { node, client } = await open((socket) => void socket.write(switchProtocols()));
    await client.execute(one(), call);
    await client.execute(one(), call);
    const peer = await node.peer();
    await client.close();
    await vi.waitFor(() => expect(isOver(peer)).toBe(true));
  });
});

describe("a storage node without working frames", () => {
  it.each<readonly [string, OnUpgrade | null]>([
    ["the upgrade is passed over, as by a proxy", null],
    ["the upgrade is refused", (socket) => void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")],
    ["the connection changes to another protocol", (socket) => void socket.write(switchProtocols("other/1"))],
    ["the connection is closed instead of an answer", (socket) => void socket.destroy()],
    ["what answers is not HTTP", (socket) => void socket.write("nonsense\r\n\r\n")],
    [
      "the line breaks before the hello",
      (socket) => {
        socket.write(switchProtocols());
        socket.end();
      },
    ],
    [
      "something else than a hello comes first",
      (socket) => {
        socket.write(switchProtocols());
        socket.write(answerFrame(1, notFound));
      },
    ],
    [
      "the hello cannot be read",
      (socket) => {
        socket.write(switchProtocols());
        socket.write(frame("hello", 0, "{}"));
      },
    ],
  ])("gets batches over HTTP, and no upgrade for a while: %s", async (_what, onUpgrade) => {
    const { node, client } = await open(onUpgrade);
    const asked = (): number => count(node, "UPGRADE") + count(node, "GET /batch");
    await client.execute(one(), call);
    await client.execute(one(), call);
    await vi.waitFor(() => expect(asked()).toBe(1));
    for (const peer of node.peers) await vi.waitFor(() => expect(isOver(peer)).toBe(true));
    for (let times = 0; times < 10; times++) expect(await client.execute(one(), call)).toEqual(notFound);
    expect(asked()).toBe(1);
  });

  it("gets another upgrade request after that while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { node, client } = await open((socket) => void socket.destroy());
    await client.execute(one(), call);
    await client.execute(one(), call);
    await node.peer(1);
    await vi.waitFor(() => expect(node.peers[0]?.isClosed).toBe(true));
    await client.execute(one(), call);
    await vi.advanceTimersByTimeAsync(frameRetryMs);
    await client.execute(one(), call);
    await client.execute(one(), call);
    vi.useRealTimers();
    await node.peer(2);
  });

  it("gets no upgrade for a while when it said hello and never answered", async () => {
    const { node, client } = await open();
    await client.execute(one(), call);
    await client.execute(one(), call);
    const peer = await node.peer();
    await vi.waitFor(async () => {
      void client.execute(one(), call).catch(() => {});
      expect(peer.messages.length).toBeGreaterThan(0);
    });
    peer.socket.resetAndDestroy();
    await vi.waitFor(async () => expect(await client.execute(one(), call)).toEqual(notFound));
    for (let times = 0; times < 5; times++) expect(await client.execute(one(), call)).toEqual(notFound);
    expect(node.peers).toHaveLength(1);
  });

  it("gets batches over HTTP when its hello does not arrive in time", async () => {
    const { node, client } = await open((socket) => void socket.write(switchProtocols()));
    await client.execute(one(), call);
    await client.execute(one(), call);
    const peer = await node.peer();
    await vi.waitFor(() => expect(isOver(peer)).toBe(true), { timeout: 10_000 });
    expect(await client.execute(one(), call)).toEqual(notFound);
    expect(node.peers).toHaveLength(1);
  });
});
