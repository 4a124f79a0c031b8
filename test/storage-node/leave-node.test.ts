import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { MemoryContent } from "../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { leaveNode, leavingMsMax } from "../../src/storage-node/leave-node.js";
import { problemOf } from "../../src/wire/problem.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { FakeGateway, type GatewayAnswer, type GatewayCall } from "./membership/fake-gateway.js";
import { assignments } from "./operations.js";
import { runNode } from "./running-node.js";
import { ScriptedEngine } from "./shards/scripted-engine.js";

/** A gateway whose map gives shard 2 to node1, until a takeover. */
class OneShardGateway extends FakeGateway {
  /** Whether other storage nodes take over the shards of one that leaves. */
  hasOthers = true;
  mapVersion = 1;
  /** When set, heartbeats are answered with it. */
  refusal: ShardgateError | null = null;

  constructor() {
    super((call) => this.#answer(call));
  }

  #answer({ path, body }: GatewayCall): GatewayAnswer {
    const isRegistration = path === "POST /nodes";
    if (!isRegistration && this.refusal !== null) {
      return { status: this.refusal.rule.httpStatus, body: JSON.stringify(problemOf(this.refusal)) };
    }
    if (body["isLeaving"] === true && this.hasOthers) this.mapVersion = 2;
    return { status: 200, body: JSON.stringify(assignments(this.mapVersion, this.mapVersion === 1 ? { 2: 1 } : {})) };
  }
}

/** A registered storage node that serves shard 2 of a store, and the heartbeats that its gateway has heard since. */
async function setUp(content: MemoryContent | undefined = new MemoryContent("shared1")) {
  const gateway = await new OneShardGateway().start();
  onTestFinished(() => gateway.stop());
  const engine = new ScriptedEngine(new MemoryEngine(null, content, "node1"));
  const running = await runNode({ engine, gatewayUrls: [gateway.url] });
  const { node, send, clock, log } = running;
  const isServing = async (): Promise<boolean> => (await send("/shard/2/store/a")).status === 404;
  await vi.waitFor(async () => expect(await isServing()).toBe(true));
  gateway.calls.length = 0;
  let isOver = false;
  const leave = (): void => void node.leave().then(() => (isOver = true));
  /** Lets time pass until the node has left; answers of the gateway arrive meanwhile. */
  const untilLeft = (checks: () => Promise<void> = async () => {}): Promise<void> =>
    vi.waitFor(
      async () => {
        await checks();
        await clock.advance(50);
        expect(isOver).toBe(true);
      },
      { interval: 2 },
    );
  const messages = () =>
    log.lines.map(({ level, message }) => `${level}: ${message}`).filter((line) => /taken over/.test(line));
  return { ...running, gateway, isServing, leave, untilLeft, messages };
}

describe("a storage node of a shared store that is about to end", () => {
  it("says so at once, and serves until it has no shards any more", async () => {
    const { gateway, isServing, clock, leave, untilLeft, messages } = await setUp();
    const startMs = clock.monotonicMs();
    gateway.hasOthers = false;
    leave();
    await clock.advance(0);
    await vi.waitFor(() => expect(gateway.calls).toMatchObject([{ body: { isLeaving: true, incarnation: "first" } }]));
    expect(clock.monotonicMs()).toBe(startMs);
    expect(await isServing()).toBe(true);
    gateway.hasOthers = true;
    await untilLeft();
    expect(clock.monotonicMs() - startMs).toBeLessThan(leavingMsMax);
    expect(await isServing()).toBe(false);
    expect(messages()).toEqual(["info: Other storage nodes of the store have taken over all shards of this one."]);
  });

  it("waits no longer than five seconds for others, serves meanwhile, and says what remains", async () => {
    const { gateway, isServing, clock, log, leave, untilLeft, messages } = await setUp();
    gateway.hasOthers = false;
    const startMs = clock.monotonicMs();
    leave();
    await untilLeft(async () => expect(await isServing()).toBe(true));
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(leavingMsMax);
    expect(gateway.calls.length).toBeGreaterThan(leavingMsMax / 1000);
    expect(messages()).toHaveLength(1);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", facts: { shards: 1 } });
  });

  it("says so after a heartbeat that gets no answer", async () => {
    const { gateway, clock, leave, untilLeft, messages } = await setUp();
    const { answer } = gateway;
    gateway.answer = () => "hang";
    await vi.waitFor(async () => {
      await clock.advance(100);
      expect(gateway.calls).toHaveLength(1);
    });
    leave();
    gateway.answer = answer;
    await untilLeft();
    expect(gateway.calls.map(({ body }) => body["isLeaving"] === true)).toContain(true);
    expect(messages()).toEqual(["info: Other storage nodes of the store have taken over all shards of this one."]);
  });

  it("does not wait when no gateway is there", async () => {
    const { gateway, clock, leave, untilLeft } = await setUp();
    await gateway.stop();
    const startMs = clock.monotonicMs();
    leave();
    await untilLeft();
    expect(clock.monotonicMs() - startMs).toBeLessThan(leavingMsMax / 2);
  });

  it("says it again while no gateway leads, and after it had to register again", async () => {
    const { gateway, leave, untilLeft, messages } = await setUp();
    gateway.refusal = new ShardgateError("REGISTRY_UNAVAILABLE", "No gateway leads.");
    leave();
    await expect(
      untilLeft(async () => void (gateway.calls.length > 3 && (gateway.refusal = null))),
    ).resolves.toBeUndefined();
    const [first] = gateway.calls;
    expect(first).toMatchObject({ path: "POST /nodes/node1/heartbeat", body: { isLeaving: true } });
    expect(gateway.calls.map(({ path }) => path)).toContain("POST /nodes");
    expect(messages()).toHaveLength(1);
  });

  it("says nothing, and waits for nothing, when its store is its own", async () => {
    const { gateway, clock, leave, untilLeft, messages } = await setUp(new MemoryContent());
    const startMs = clock.monotonicMs();
    leave();
    await untilLeft();
    expect(clock.monotonicMs() - startMs).toBeLessThan(leavingMsMax);
    expect(gateway.calls.some(({ body }) => "isLeaving" in body)).toBe(false);
    expect(messages()).toEqual([]);
  });
});

it("a storage node of a shared store without a gateway ends at once", async () => {
  const engine = new MemoryEngine(null, new MemoryContent("shared1"), "node1");
  const { node, putValue, clock } = await runNode({ engine });
  expect((await putValue("/shard/2/store/a", "1")).status).toBe(201);
  const timers = clock.pendingTimers;
  await node.leave();
  expect(clock.pendingTimers).toBe(timers);
});

describe("leaveNode, in a process that sends no heartbeats", () => {
  const host = { isStoreShared: true, isAcknowledged: true, hostedCount: 2, refresh: async () => {} };

  it("sees in the store when the shards are gone, also when the store cannot be read once", async () => {
    const [clock, log] = [new FakeClock(), new RecordLog()];
    let reads = 0;
    const refresh = async (): Promise<void> => {
      if (++reads === 2) throw new Error("The connection is broken.");
      shardHost.hostedCount = reads < 4 ? 1 : 0;
    };
    const shardHost = { ...host, refresh };
    let isOver = false;
    void leaveNode({ shardHost, agent: null, clock, log }).then(() => (isOver = true));
    for (let step = 1; step <= 3; step++) await clock.advance(50);
    expect(isOver).toBe(false);
    await clock.advance(50);
    await settle();
    expect([isOver, reads]).toEqual([true, 4]);
  });

  it.each([
    ["whose store is its own", { isStoreShared: false }],
    ["whose start is not acknowledged", { isAcknowledged: false }],
    ["that has no shards", { hostedCount: 0 }],
  ])("ends at once for a storage node %s", async (_, difference) => {
    const [clock, log] = [new FakeClock(), new RecordLog()];
    await leaveNode({ shardHost: { ...host, ...difference }, agent: null, clock, log });
    expect([clock.pendingTimers, log.lines]).toEqual([0, []]);
  });
});
