import { afterEach, describe, expect, it } from "vitest";
import { openAccess } from "../../../../src/gateway/access/access.js";
import { HttpLeaderTransport } from "../../../../src/gateway/cluster/peers/http-leader-transport.js";
import type { GatewayAddress } from "../../../../src/gateway/cluster/peers/leader-transport.js";
import { parseShard } from "../../../../src/core/shard.js";
import { peerCallsMax } from "../../../../src/wire/peer.js";
import { noTls, type TlsSource } from "../../../../src/tls/tls-source.js";
import type { GatewayBeat } from "../../../../src/wire/gateway-peers.js";
import type { BrokenAnswer } from "../../../support/broken-server.js";
import { startBrokenServer, unusedUrl } from "../../../support/broken-server.js";
import { CertificateAuthority } from "../../../support/certificates.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { RenewableTls } from "../../../support/renewable-tls.js";
import { openPrimary } from "../workers/open-primary.js";
import { callerTls, secretAccess, serveMembership, tokens } from "./served-leader.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function open(token: string | null = null, tls: TlsSource = noTls) {
  const clock = new FakeClock();
  const transport = new HttpLeaderTransport({ token, clock, tls });
  opened.push(transport);
  return { clock, transport };
}

/** A leader that answers everything alike. */
async function broken(answer: BrokenAnswer): Promise<GatewayAddress & { readonly requests: readonly string[] }> {
  const server = await startBrokenServer(answer);
  opened.push(server);
  return { name: "g1", url: server.url, requests: server.requests };
}

async function leading(access = secretAccess) {
  const primary = await openPrimary();
  const gateway = await serveMembership(primary.membership, { ...primary, access: access(primary.log) });
  opened.push(gateway);
  return { ...primary, leader: { name: "g1", url: gateway.url } };
}

const node1 = { id: "node1", url: "http://node1:8000", incarnation: "n", storeId: "s", starts: ["n"], shards: [] };
const beat: GatewayBeat = { url: "http://g2:4000", mapVersion: 1, leaderId: "l1", seen: [], refused: [] };
const answer = { leaderId: "l1", mapVersion: 1, gateways: [], signs: [], reports: [], doubted: [] };
const unavailable = { code: "REGISTRY_UNAVAILABLE", details: { gateway: "g1" } };

describe("a call of the leader", () => {
  it("is a beat that is answered with what the follower has to know", async () => {
    const { leader, membership } = await leading();
    await membership.register(node1);
    const { transport } = open(tokens.peerToken, callerTls);
    expect(await transport.beat(leader, "g2", { ...beat, leaderId: "l1" })).toEqual({
      leaderId: "l1",
      mapVersion: membership.map.version,
      gateways: [
        { name: null, url: null, isLeader: true, mapVersion: membership.map.version, silentMs: 0 },
        { name: "g2", url: "http://g2:4000", isLeader: false, mapVersion: 1, silentMs: 0 },
      ],
      signs: [["node1", 0]],
      reports: [],
      doubted: [],
    });
  });

  it("keeps the code, the message and the details of a refusal, but not the id that the leader gave to the call", async () => {
    const { leader, store } = await leading();
    const { transport } = open(tokens.peerToken, callerTls);
    const commands = transport.commands(leader);
    await expect(commands.heartbeat("node9", {})).rejects.toMatchObject({
      code: "NODE_NOT_FOUND",
      message: "Storage node node9 is not registered. Register again.",
      details: { node: "node9" },
    });
    store.injectFault("writeFails");
    const failed: unknown = await commands.register({ id: "node1", url: "http://node1:8000" }).catch((error) => error);
    expect(failed).toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(failed).not.toHaveProperty("details.requestId");
    await expect(transport.beat(leader, "g2", { ...beat, leaderId: "another" })).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
    });
  });

  it.each([
    ["no token", null],
    ["the token of a storage node", tokens.nodeToken],
    ["the token that storage nodes are shown", tokens.gatewayToken],
  ])("with %s is refused, and that is not taken for a refusal of its sender", async (_what, token) => {
    const { leader } = await leading();
    const { transport } = open(token, callerTls);
    const refused = await transport.commands(leader).acceptLoss("node1").catch(String);
    expect(refused).toMatch(/The leader, gateway g1 .* refused `acceptLoss` with (UNAUTHENTICATED|FORBIDDEN)/);
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
  });

  it("needs no token where the cluster has no secret, as with storage nodes, and is audited there", async () => {
    const { leader, log } = await leading(openAccess);
    const { transport } = open(null, callerTls);
    expect(await transport.beat(leader, "g2", beat)).toMatchObject({ leaderId: "l1" });
    await transport.commands(leader).register(node1);
    expect(await transport.commands(leader).remove("node1", true)).toEqual([0, 1, 2, 3]);
    const wish = { node: "node9", isPrimary: true, ifEpoch: null, isForced: true };
    await expect(transport.commands(leader).assign({ shard: parseShard(0), ...wish })).rejects.toMatchObject({
      code: "NODE_NOT_FOUND",
    });
    await expect(transport.commands(leader).acceptLoss("node9")).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    const audited = log.lines.filter(({ facts }) => facts["audit"] === true);
    expect(audited).toMatchObject([
      { facts: { action: "remove", by: "anyone", outcome: "DONE" } },
      { facts: { action: "assign", outcome: "NODE_NOT_FOUND" } },
      { facts: { action: "acceptLoss", outcome: "NODE_NOT_FOUND" } },
    ]);
  });

  it("is not made to a gateway of another CA", async () => {
    const { leader } = await leading();
    const stranger = new CertificateAuthority("another CA");
    const { transport } = open(tokens.peerToken, new RenewableTls({ clusterCa: stranger.cert }));
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
  });

  it.each([
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "http://user:pass@127.0.0.1/",
    "http://169.254.169.254",
    "none",
    "",
  ])("is not made to the URL %j", async (url) => {
    const { transport } = open("token");
    const refused: unknown = await transport.beat({ name: "g1", url }, "g2", beat).catch((error) => error);
    expect(refused).toMatchObject(unavailable);
    expect(String(refused)).not.toContain("pass@");
  });

  it("uses a renewed CA", async () => {
    const { leader } = await leading();
    const tls = new RenewableTls({ clusterCa: new CertificateAuthority("another CA").cert });
    const { transport } = open(tokens.peerToken, tls);
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
    tls.renew(callerTls.current);
    expect(await transport.beat(leader, "g2", beat)).toMatchObject({ leaderId: "l1" });
  });

  it("is not made over http by a gateway that has a CA", async () => {
    const leader = await broken((response) => response.end(JSON.stringify(answer)));
    const { transport } = open("token", callerTls);
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
    expect(leader.requests).toEqual([]);
  });

  it("has no usable answer when nothing listens there, or when the connection ends", async () => {
    const { transport } = open();
    const dead = { name: "g1", url: await unusedUrl() };
    await expect(transport.commands(dead).refresh("node1")).rejects.toMatchObject(unavailable);
    const cut = await broken((response) => response.destroy());
    await expect(transport.commands(cut).remove("node1", true)).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining("may or may not have happened"),
    });
  });

  it("ends at its deadline, that of a heartbeat before its storage node's", async () => {
    let arrived = (): void => {};
    const leader = await broken(() => arrived());
    const { transport, clock } = open();
    const silentFor = async (call: () => Promise<unknown>): Promise<number> => {
      const asked = new Promise<void>((resolve) => (arrived = resolve));
      const sinceMs = clock.monotonicMs();
      let isSettled = false;
      const settled = expect(call().finally(() => (isSettled = true))).rejects.toMatchObject(unavailable);
      await asked;
      while (!isSettled) await clock.advance(50);
      await settled;
      return clock.monotonicMs() - sinceMs;
    };
    const commands = transport.commands(leader);
    expect(await silentFor(async () => commands.heartbeat("node1", {}))).toBeLessThan(1_000);
    expect(await silentFor(() => transport.beat(leader, "g2", beat))).toBeLessThan(1_500);
    expect(await silentFor(() => commands.acceptLoss("node1"))).toBeGreaterThanOrEqual(5_000);
  });

  it("is refused when very many wait for a leader already", async () => {
    const leader = await broken(() => {});
    const { transport } = open();
    const commands = transport.commands({ ...leader, name: null });
    const waiting = Array.from({ length: peerCallsMax }, () => commands.refresh("node1"));
    await expect(commands.refresh("node1")).rejects.toMatchObject({
      code: "OVERLOADED",
      message: `${peerCallsMax} calls wait for gateway ${leader.url} already, which is the maximum.`,
    });
    await transport.close();
    for (const each of await Promise.allSettled(waiting)) expect(each.status).toBe("rejected");
  });

  it("is rejected when the transport closes", async () => {
    const { transport } = open();
    const leader = await broken(() => void transport.close());
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
  });
});

describe("an answer that no leader gives", () => {
  const good = JSON.stringify(answer);
  it.each([
    ["nothing", 200, ""],
    ["no JSON", 200, "<html>"],
    ["a part of JSON", 200, good.slice(0, -1)],
    ["a list", 200, "[]"],
    ["null", 200, "null"],
    ["a redirect", 302, good],
    ["a failure without a problem", 500, "oops"],
    ["a problem with an unknown code", 409, '{"code":"NO_SUCH_CODE","detail":"x"}'],
    ["a very long text", 200, `{"leaderId":"${"x".repeat(17 * 1024 * 1024)}"}`],
  ])("is REGISTRY_UNAVAILABLE: %s", async (_what, status, text) => {
    const leader = await broken((response) => response.writeHead(status, { location: "/elsewhere" }).end(text));
    const { transport } = open();
    await expect(transport.beat(leader, "g2", beat)).rejects.toMatchObject(unavailable);
    await expect(transport.commands(leader).register({ id: "n", url: "http://n" })).rejects.toMatchObject(unavailable);
    // Nothing is asked twice, and no redirect is followed.
    expect(leader.requests).toEqual(["POST /gateways/g2/beat", "POST /gateways/leader/register"]);
  });
});
