import { describe, expect, it, vi } from "vitest";
import { valueBytesMax } from "../../../src/core/limits.js";
import type { Operation, Outcome } from "../../../src/core/operation.js";
import { silentObserver } from "../../../src/routing/observer.js";
import { refused } from "../../../src/routing/refusal.js";
import {
  ShardQueues,
  shardWaitBytesMax,
  shardWaitOperationsMax,
  waitOperationsMax,
} from "../../../src/routing/waiting/shard-queues.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { mapOf } from "../../support/memory-cluster.js";
import { get, put } from "../../support/operations.js";

const no = refused("SHARD_UNAVAILABLE", "Shard 0 is unavailable.");
const gone: Outcome = { kind: "notFound" };

/** Queues of a cluster with 64 shards that answers nothing else than `answer`. */
function waiting(bounds = { requests: 2_000, bodiesBytes: 128 * 1024 * 1024 }) {
  const clock = new FakeClock();
  const map = mapOf({ shardCount: 64 });
  const state = { answer: no as Outcome };
  const waitEnded = vi.fn();
  const queues = new ShardQueues({
    clock,
    random: () => 0.5,
    observer: { ...silentObserver, waitEnded },
    map: () => map,
    bounds,
    send: async (operations) => operations.map(() => state.answer),
  });
  const wait = (operations: readonly Operation[]) =>
    queues.wait(operations, { deadlineMs: clock.monotonicMs() + 5_000 }, { map, outcomes: operations.map(() => no) });
  return { clock, queues, state, wait, waitEnded };
}

function many(count: number, operation: (index: number) => Operation): readonly Operation[] {
  return Array.from({ length: count }, (_, index) => operation(index));
}

const inShard = (shard: number, operation: Operation = get("a")): Operation => ({
  ...operation,
  shard: shard as never,
});

describe("ShardQueues", () => {
  it("refuses operations beyond the bound of their shard, and lets those of others wait", async () => {
    const { clock, state, wait, waitEnded } = waiting();
    const full = wait(many(shardWaitOperationsMax, () => inShard(7)));
    const message = `Shard 7 is not served now, and no more may wait for it: the limit is ${shardWaitOperationsMax} operations for shard 7.`;
    expect(await wait([inShard(7)])).toEqual([refused("OVERLOADED", message)]);
    expect(waitEnded.mock.calls).toEqual([[{ end: "overloaded", operations: 1 }]]);
    const others = [wait([inShard(7, put("a", "1"))]), wait([inShard(8)])];
    state.answer = gone;
    await clock.advance(1_000);
    expect(await Promise.all(others)).toEqual([[gone], [gone]]);
    expect(await full).toHaveLength(shardWaitOperationsMax);
    expect(clock.pendingTimers).toBe(0);
  });

  it("refuses values beyond the bound of their shard, and only those operations of a request", async () => {
    const { clock, wait } = waiting();
    const large = put("a", `"${"x".repeat(valueBytesMax - 2)}"`);
    const first = wait(many(shardWaitBytesMax / valueBytesMax, () => inShard(7, large)));
    const mixed = wait([inShard(7, large), inShard(8, large)]);
    await clock.advance(5_000);
    const message = expect.stringContaining(`the limit is ${shardWaitBytesMax} bytes of values for shard 7.`);
    expect(await mixed).toMatchObject([{ code: "OVERLOADED", message }, { code: "SHARD_UNAVAILABLE" }]);
    expect(await first).toMatchObject(many(16, () => get("a")).map(() => ({ code: "SHARD_UNAVAILABLE" })));
  });

  it("refuses operations beyond the bound of all shards", async () => {
    const { clock, wait } = waiting();
    const shards = waitOperationsMax / shardWaitOperationsMax;
    const full = Array.from({ length: shards }, (_, shard) => wait(many(shardWaitOperationsMax, () => inShard(shard))));
    const message = expect.stringContaining(`the limit is ${waitOperationsMax} operations.`);
    expect(await wait([inShard(shards)])).toMatchObject([{ code: "OVERLOADED", message }]);
    await clock.advance(5_000);
    await Promise.all(full);
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves half of the requests and of the bytes that the process admits to shards that are served", async () => {
    const { clock, state, wait } = waiting({ requests: 6, bodiesBytes: 20 });
    const requests = [wait([inShard(1), inShard(2)]), wait([inShard(3, put("a", `"12345678"`))])];
    const bytes = expect.stringContaining("the limit is 10 bytes of values.");
    expect(await wait([inShard(4, put("a", "1"))])).toMatchObject([{ code: "OVERLOADED", message: bytes }]);
    requests.push(wait([inShard(4)]));
    const message = expect.stringContaining("the limit is 3 requests.");
    expect(await wait([inShard(5), inShard(6)])).toMatchObject([{ message }, { code: "OVERLOADED" }]);
    state.answer = gone;
    await clock.advance(1_000);
    expect((await Promise.all(requests)).flat()).toEqual([gone, gone, gone, gone]);
    requests.push(wait([inShard(5)]));
    await clock.advance(1_000);
    expect(await requests.at(-1)).toEqual([gone]);
  });

  it("does not close for what a former owner refused, and sends that to the new one at once", async () => {
    const former = mapOf({ shardCount: 64 });
    const map = mapOf({ shardCount: 64, version: 2, epoch: 2, owner: () => "node2" });
    const state = { map: former };
    const sent: { readonly key: string; readonly answer: (outcome: Outcome) => Promise<void> }[] = [];
    const clock = new FakeClock();
    const queues = new ShardQueues({
      clock,
      random: () => 0.5,
      observer: silentObserver,
      map: () => state.map,
      send: ([operation]) =>
        new Promise((resolve) => {
          const key = operation?.kind === "get" ? operation.key : "";
          sent.push({ key, answer: (outcome) => (resolve([outcome]), settle()) });
        }),
    });
    const wait = (key: string) =>
      queues.wait([inShard(3, get(key))], { deadlineMs: 5_000 }, { map: former, outcomes: [no] });
    const requests = ["a", "b", "c"].map(wait);
    await clock.advance(1_000);
    expect(sent.map(({ key }) => key)).toEqual(["a"]);
    state.map = map;
    queues.mapChanged();
    expect(sent.map(({ key }) => key)).toEqual(["a", "b"]);
    await sent[1]?.answer(gone);
    expect(sent.map(({ key }) => key)).toEqual(["a", "b", "c"]);
    await sent[0]?.answer(no);
    requests.push(wait("d"));
    expect(queues.isClosedFor(inShard(3))).toBe(false);
    expect(sent.map(({ key }) => key)).toEqual(["a", "b", "c", "a", "d"]);
    for (const { answer } of sent.slice(2)) await answer(gone);
    expect((await Promise.all(requests)).flat()).toEqual([gone, gone, gone, gone]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is closed only for what waits, and keeps nothing of waits that have ended", async () => {
    const { clock, queues, state, wait } = waiting();
    const request = wait([inShard(3)]);
    expect(queues.size).toBe(1);
    expect([inShard(3), inShard(3, put("a", "1")), inShard(4)].map((one) => queues.isClosedFor(one))).toEqual([
      true,
      false,
      false,
    ]);
    state.answer = gone;
    await clock.advance(1_000);
    expect(await request).toEqual([gone]);
    expect(queues.size).toBe(0);
    expect(queues.isClosedFor(inShard(3))).toBe(false);
    queues.mapChanged();
  });
});
