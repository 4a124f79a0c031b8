/** Counts the objects that routing creates for one request; docs/decisions/way-of-a-key.md has the reasons. */
import { createHook } from "node:async_hooks";
import { expect, it } from "vitest";
import type { Outcome } from "../../src/core/operation.js";
import { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import { NodePool } from "../../src/routing/node-pool.js";
import { silentObserver } from "../../src/routing/observer.js";
import { Router } from "../../src/routing/router.js";
import { FakeClock } from "../support/fake-clock.js";
import { mapOf } from "../support/memory-cluster.js";
import { get } from "../support/operations.js";
import { RecordLog } from "../support/record-log.js";

const gone: Outcome = { kind: "notFound" };

/** Counts, by type, what a request for `keys` keys creates in a cluster with 400 shards and as many storage nodes. */
async function madeFor(keys: number) {
  const clock = new FakeClock();
  const map = mapOf({ shardCount: 400, nodes: Array.from({ length: 400 }, (_, index) => `node${index}`) });
  let batches = 0;
  const client = new MemoryNodeClient(clock);
  // Not async: the promise that it returns is the only one it creates.
  client.execute = (operations) => {
    batches++;
    return Promise.resolve(operations.map(() => gone));
  };
  const parts = { clock, random: () => 0.5, utilization: () => 1, log: new RecordLog(), observer: silentObserver };
  const pool = new NodePool({ ...parts, map: () => map, createClient: () => client });
  const router = new Router({ ...parts, registry: { map }, pool, refresh: async () => {} });
  const operations = Array.from({ length: keys }, (_, index) => get(`key-${index}`, 400));
  const made = new Map<string, number>();
  const hook = createHook({ init: (_id, type) => void made.set(type, (made.get(type) ?? 0) + 1) });
  hook.enable();
  const outcomes = router.execute(operations, { deadlineMs: clock.monotonicMs() + 1_000 });
  const timers = clock.pendingTimers;
  expect(await outcomes).toHaveLength(keys);
  hook.disable();
  return { batches, timers, promises: made.get("PROMISE") ?? 0, immediates: made.get("Immediate") ?? 0 };
}

it("creates two promises for each batch of a request, and one timer and one immediate for all of them", async () => {
  const { batches, timers, promises, immediates } = await madeFor(100);
  expect(batches).toBeGreaterThan(80);
  // A few more belong to the request, this test, and its runner. It was ten for each batch, and two immediates.
  expect(promises).toBeLessThan(3 * batches);
  expect(immediates).toBeLessThan(batches / 10);
  expect(timers).toBe(1);
});
