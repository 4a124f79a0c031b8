/**
 * The wall clock jumps by an hour, as an operator or a time server may cause it. Expiry and displayed times follow it;
 * deadlines, breakers, heartbeats and liveness do not depend on it.
 */
import { afterEach, describe, expect, it } from "vitest";
import { breakerOpenMs } from "../../src/core/limits.js";
import { NodeFault } from "../../src/routing/node-client/node-client.js";
import { startStorageNode } from "../../src/storage-node/node-server.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { postJson, rawRequest } from "../gateway/rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../gateway/test-gateway.js";
import { drained } from "../storage-node/running-node.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { breakerFailuresMax } from "../../src/routing/mailbox/breaker.js";
import { downAfterMs } from "../../src/registry/liveness.js";
import { sweepIntervalMs } from "../../src/storage-node/shards/sweeper.js";

const hourMs = 3_600_000;

let gateway: TestGateway | null = null;
afterEach(async () => {
  await gateway?.close();
  gateway = null;
});

async function started(): Promise<TestGateway> {
  gateway = await startTestGateway();
  await gateway.register("node1");
  return gateway;
}

const put = async (url: string, path: string, body: string) => {
  const { status, headers } = await rawRequest(url, path, { method: "PUT", body });
  return { status, version: Number(String(headers.etag).replaceAll('"', "")) };
};
const statusOf = async (url: string, path: string) => (await rawRequest(url, path)).status;

async function nodeState(url: string): Promise<unknown> {
  const nodes = (await rawRequest(url, "/nodes")).json()["nodes"] as readonly { readonly state: string }[];
  return nodes[0]?.state;
}

describe.each([
  ["an hour ahead", hourMs],
  ["an hour back", -hourMs],
])("a jump of the wall clock %s", (_, jumpMs) => {
  it("does not change a storage node's state, which depends on its heartbeats", async () => {
    const { clock, url } = await started();
    clock.jumpWall(jumpMs);
    expect(await nodeState(url)).toBe("UP");
    await clock.advance(downAfterMs + 1);
    expect(await nodeState(url)).toBe("DOWN");
    clock.jumpWall(jumpMs);
    expect(await nodeState(url)).toBe("DOWN");
    expect((await postJson(url, "/nodes/node1/heartbeat", { incarnation: "node1" })).status).toBe(200);
    expect(await nodeState(url)).toBe("UP");
  });

  it("neither closes a breaker nor keeps it open", async () => {
    const { clock, url, node } = await started();
    expect((await put(url, "/data/a", "1")).status).toBe(201);
    const fault = new NodeFault("connectionRefused", "down", true);
    node("node1").failNext({ fault }, 1_000);
    const failing = statusOf(url, "/data/a");
    for (let step = 0; step < 40; step++) await clock.advance(50);
    expect(await failing).toBe(503);
    const batches = (): number => node("node1").batches.length;
    expect(batches()).toBeGreaterThanOrEqual(breakerFailuresMax);
    const before = batches();
    clock.jumpWall(jumpMs);
    const refused = statusOf(url, "/data/a");
    for (let step = 0; step < 12; step++) await clock.advance(1);
    expect(batches()).toBe(before);
    for (let step = 0; step < 100; step++) await clock.advance(50);
    expect(await refused).toBe(503);
    node("node1").failNext({ fault }, 0);
    await clock.advance(breakerOpenMs);
    // The first request after that makes the gateway probe the storage node.
    const answers = new Set<number>();
    for (let attempt = 0; attempt < 5; attempt++) {
      const answer = statusOf(url, "/data/a");
      for (let step = 0; step < 20; step++) await clock.advance(50);
      answers.add(await answer);
    }
    expect(answers).toContain(200);
  });

  it("does not move the deadline of a running request", async () => {
    const { clock, url, node } = await started();
    node("node1").hold();
    const state = { isAnswered: false };
    const answer = statusOf(url, "/data/a").finally(() => (state.isAnswered = true));
    while (node("node1").batches.length === 0) await settle();
    clock.jumpWall(jumpMs);
    await settle();
    expect(state.isAnswered).toBe(false);
    for (let step = 0; step < 120 && !state.isAnswered; step++) await clock.advance(50);
    expect(await answer).toBe(503);
    node("node1").release();
  });

  it("does not repeat a version", async () => {
    const { clock, url } = await started();
    const first = await put(url, "/data/a", "1");
    clock.jumpWall(jumpMs);
    const second = await put(url, "/data/a", "2");
    clock.jumpWall(-2 * jumpMs);
    const third = await put(url, "/data/a", "3");
    expect([second.version, third.version]).toEqual([first.version + 1, first.version + 2]);
    expect((await rawRequest(url, "/data/a")).text).toBe("3");
  });
});

describe("expiry on a storage node", () => {
  it("follows the wall clock, and expired entries do not reappear", async () => {
    const clock = new FakeClock();
    const log = new RecordLog();
    const node = await startStorageNode({
      name: "node1",
      host: "127.0.0.1",
      port: 0,
      engine: new MemoryEngine(),
      clock,
      log,
      gatewayUrls: [],
      advertisedUrl: null,
      incarnation: "first",
      newId: () => "store",
    });
    const path = "/shard/1/store/";
    for (const [key, ttl] of [
      ["short", 60],
      ["long", 7_200],
    ]) {
      expect((await put(node.url, `${path}${key}?ttl=${ttl}`, "1")).status).toBe(201);
    }
    clock.jumpWall(-hourMs);
    await clock.advance(60_001);
    expect([await statusOf(node.url, `${path}short`), await statusOf(node.url, `${path}long`)]).toEqual([200, 200]);
    clock.jumpWall(2 * hourMs);
    expect([await statusOf(node.url, `${path}short`), await statusOf(node.url, `${path}long`)]).toEqual([404, 200]);
    await clock.advance(sweepIntervalMs);
    clock.jumpWall(-2 * hourMs);
    expect([await statusOf(node.url, `${path}short`), await statusOf(node.url, `${path}long`)]).toEqual([404, 200]);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    await drained(node, clock);
  });
});
