import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { JsonEntry } from "../../src/core/entry.js";
import { parseJsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import { defaultBounds } from "../../src/core/bounds.js";
import { attemptTimeoutMs, requestTimeoutMs, valueBytesMax } from "../../src/core/limits.js";
import type { Operation, Outcome, RoutedOperation } from "../../src/core/operation.js";
import { AnswerBudget } from "../../src/routing/answer-budget.js";
import { NodeFault } from "../../src/routing/node-client/node-client.js";
import { silentObserver } from "../../src/routing/observer.js";
import { refused } from "../../src/routing/refusal.js";
import { settle } from "../support/fake-clock.js";
import { mapOf, MemoryCluster } from "../support/memory-cluster.js";
import { get, put, remove } from "../support/operations.js";
import { attemptsMax } from "../../src/routing/retry.js";

const lost = { fault: new NodeFault("connectionReset", "the storage node closed the connection", false) };
const unsent = {
  fault: new NodeFault("connectionRefused", "storage node node3 (http://node3:1) refused the connection", true),
};

/** `user123` is in shard 2, which is node3's. */
const key = "user123";
const unavailable = { kind: "refused", code: "SHARD_UNAVAILABLE" };

/** Answers the batches of a node with the elements of `answers` in order; the last one is repeated. */
function script(
  cluster: MemoryCluster,
  node: string,
  answers: ((operations: readonly RoutedOperation[]) => readonly Outcome[])[],
) {
  return vi
    .spyOn(cluster.node(node), "execute")
    .mockImplementation(async (operations) =>
      ((answers.length > 1 ? answers.shift() : answers[0]) ?? (() => []))(operations),
    );
}

const all = (outcome: Outcome) => (operations: readonly RoutedOperation[]) => operations.map(() => outcome);

describe("Router", () => {
  it("returns outcomes in order from all storage nodes", async () => {
    const cluster = new MemoryCluster();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    await cluster.until(cluster.execute(keys.map((name, index) => put(name, String(index)))));
    const outcomes = await cluster.until(cluster.execute(keys.toReversed().map((name) => get(name))));
    expect(outcomes).toMatchObject(
      keys.map((name, index) => ({ entry: { key: name, value: String(index) } })).toReversed(),
    );
  });

  it("returns nothing for no operations", async () => {
    expect(await new MemoryCluster().execute([])).toEqual([]);
  });

  it("sends three storage nodes three requests for 1000 keys over 64 shards", async () => {
    const cluster = new MemoryCluster({ shardCount: 64 });
    const operations = Array.from({ length: 1000 }, (_, index) => get(`key-${index}`, 64));
    expect(await cluster.until(cluster.execute(operations))).toHaveLength(1000);
    expect([...cluster.nodes.values()].map(({ batches }) => batches.length)).toEqual([1, 1, 1]);
  });

  it("sends far fewer than 200 requests for 200 concurrent gets", async () => {
    const cluster = new MemoryCluster({ shardCount: 64 });
    const requests = Array.from({ length: 200 }, async (_, index) => {
      // The gets arrive in ten turns, as from independent clients.
      for (let turn = 0; turn < index % 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      return cluster.execute([get(`key-${index}`, 64)]);
    });
    await cluster.until(Promise.all(requests));
    const calls = [...cluster.nodes.values()].reduce((sum, { batches }) => sum + batches.length, 0);
    expect(calls).toBeLessThanOrEqual(3 * 11);
  });

  it("sends each operation with the epoch of its shard", async () => {
    const cluster = new MemoryCluster({ epoch: 7 });
    await cluster.until(cluster.execute([get(key)]));
    expect(cluster.node("node3").batches).toMatchObject([[{ epoch: 7, operation: { key } }]]);
  });

  it("refuses operations of shards without a storage node, and of shards that do not exist", async () => {
    const cluster = new MemoryCluster({ owner: (shard) => (shard === 2 ? null : "node1") });
    const outcomes = await cluster.until(cluster.execute([get(key), { ...get(key), shard: 9 as never }, get("a")]));
    expect(outcomes).toEqual([
      refused("SHARD_UNAVAILABLE", "Shard 2 is unavailable: it has no storage node."),
      refused("SHARD_NOT_FOUND", "Shard 9 does not exist; there are 4."),
      { kind: "notFound" },
    ]);
  });

  it("refuses every operation while the registry is marked as restored from an older copy", async () => {
    const cluster = new MemoryCluster();
    cluster.map = { ...cluster.map, putBack: { mark: "m", waiting: ["node1"], claims: new Map() } };
    expect(await cluster.until(cluster.execute([get(key), put("a", "1")]))).toMatchObject([
      { ...unavailable, message: expect.stringContaining("Shard 2 is unavailable: the registry was restored") },
      unavailable,
    ]);
    expect([...cluster.nodes.values()].flatMap(({ batches }) => batches)).toEqual([]);
  });

  it("sends a storage node no assignments from a map that it finds marked as restored when it rereads it", async () => {
    const cluster = new MemoryCluster();
    const putBack = { mark: "m", waiting: ["node1"], claims: new Map() };
    cluster.fresherMap = { ...cluster.map, version: 2, putBack };
    const assign = vi.spyOn(cluster.node("node3"), "assign");
    script(cluster, "node3", [all(refused("SHARD_NOT_HOSTED", "Not here."))]);
    expect(await cluster.until(cluster.execute([get(key)]))).toMatchObject([unavailable]);
    expect(cluster.refreshes).toBe(1);
    expect(assign).not.toHaveBeenCalled();
  });

  it("asks a storage node of another cluster once, and answers that the shard is unavailable", async () => {
    const cluster = new MemoryCluster();
    const node = cluster.node("node3");
    await node.assign({ clusterId: "other", shardCount: 4, mapVersion: 1, shards: [] }, { timeoutMs: 1 });
    node.callerClusterId = "cluster";
    expect(await cluster.until(cluster.execute([get(key), put(key, "1")]))).toMatchObject([
      { ...unavailable, message: expect.stringContaining("belongs to cluster other") },
      unavailable,
    ]);
    expect(node.batches).toHaveLength(1);
  });

  it("asks another storage node at the address once, and names both", async () => {
    const cluster = new MemoryCluster();
    const node = cluster.node("node3");
    Object.assign(node, { name: "node9", targetNode: "node3" });
    const message = expect.stringContaining("NODE_CONFLICT (This storage node is node9, not node3)");
    expect(await cluster.until(cluster.execute([get(key), put(key, "1")]))).toMatchObject([
      { ...unavailable, message },
      { ...unavailable, message },
    ]);
    expect(node.batches).toHaveLength(1);
    expect(cluster.refreshes).toBe(0);
  });

  it.each(["ENTRY_DAMAGED", "EXPIRY_PASSED"] as const)("returns a storage node's %s", async (code) => {
    const cluster = new MemoryCluster();
    const execute = script(cluster, "node3", [all(refused(code, "It is so."))]);
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toEqual([refused(code, "It is so.")]);
    expect(execute).toHaveBeenCalledOnce();
  });

  it("does not let a storage node that hangs delay other requests", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").hold();
    const stuck = cluster.execute([get(key)]);
    const startMs = cluster.clock.monotonicMs();
    const others = cluster.execute([get("a"), get("b")].map((operation) => ({ ...operation, shard: 0 as never })));
    await settle();
    expect(await others).toHaveLength(2);
    expect(cluster.clock.monotonicMs()).toBe(startMs);
    expect(await cluster.until(stuck)).toMatchObject([unavailable]);
  });

  it("loses only the keys of the one storage node that is dead", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").injectFault = () => unsent;
    const outcomes = await cluster.until(cluster.execute([get("a"), get(key), put("b", "1"), put(key, "1")]));
    expect([get("a").shard, put("b", "1").shard]).not.toContain(2);
    expect(outcomes).toMatchObject([{ kind: "notFound" }, unavailable, { kind: "written" }, unavailable]);
    expect(outcomes[1]).toMatchObject({
      message: "Shard 2 is unavailable: storage node node3 (http://node3:1) refused the connection.",
    });
  });

  it("answers at the deadline when everything hangs", async () => {
    const cluster = new MemoryCluster();
    for (const node of cluster.nodes.values()) node.hold();
    const outcomes = await cluster.until(cluster.execute([get(key), put("a", "1")], cluster.context(1_000)));
    expect(outcomes).toMatchObject([unavailable, { code: "OUTCOME_UNKNOWN" }]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(1_010);
  });

  it("answers at once when its caller aborts", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").injectFault = () => unsent;
    cluster.random = 1;
    const givenUp = new AbortController();
    const outcomes = cluster.execute([get(key)], { ...cluster.context(), signal: givenUp.signal });
    await settle();
    expect(cluster.node("node3").batches).toHaveLength(1);
    // Aborts while the router pauses before the next attempt.
    givenUp.abort();
    expect(await outcomes).toMatchObject([unavailable]);
    expect(cluster.node("node3").batches).toHaveLength(1);
    expect(cluster.clock.pendingTimers).toBe(0);
  });
});

describe("Router, when it retries", () => {
  it("repeats reads and counts the operations that it sends again", async () => {
    const retried = vi.fn();
    const cluster = new MemoryCluster({}, { ...silentObserver, retried });
    cluster.node("node3").failNext(lost, attemptsMax - 1);
    expect(await cluster.until(cluster.execute([get(key), get(key)]))).toEqual([
      { kind: "notFound" },
      { kind: "notFound" },
    ]);
    expect(retried.mock.calls).toEqual([[{ node: "node3", operations: 2 }], [{ node: "node3", operations: 2 }]]);
  });

  it("stops after the last attempt", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").failNext(lost, attemptsMax);
    expect(await cluster.until(cluster.execute([get(key)]))).toMatchObject([unavailable]);
    expect(cluster.node("node3").batches).toHaveLength(attemptsMax);
  });

  it("does not repeat a write whose outcome is unknown, even if that means that it never happened", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").failNext({ ...lost, isExecuted: true });
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toMatchObject([{ code: "OUTCOME_UNKNOWN" }]);
    expect(await cluster.until(cluster.execute([get(key)]))).toMatchObject([{ entry: { version: "1" } }]);
  });

  it("repeats a write that was provably not executed, and only that", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").failNext(unsent);
    expect(await cluster.until(cluster.execute([put(key, "1"), remove(key)]))).toMatchObject([
      { kind: "written", facts: { version: "1" } },
      { kind: "deleted", version: "1" },
    ]);
  });

  it("does not begin an attempt that would come too late", async () => {
    const cluster = new MemoryCluster();
    cluster.random = 1;
    cluster.node("node3").injectFault = () => lost;
    expect(await cluster.until(cluster.execute([get(key)], cluster.context(20)))).toMatchObject([unavailable]);
    expect(cluster.node("node3").batches).toHaveLength(1);
  });

  it("retries at a hanging storage node within the request's time", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").hold();
    const outcome = cluster.execute([get(key)], cluster.context(requestTimeoutMs));
    await cluster.clock.advance(attemptTimeoutMs + 1);
    cluster.node("node3").release();
    expect(await cluster.until(outcome)).toEqual([{ kind: "notFound" }]);
    expect(cluster.node("node3").batches).toHaveLength(2);
  });

  it("fails within 100 ms once the breaker is open", async () => {
    const cluster = new MemoryCluster();
    cluster.random = 1;
    cluster.node("node3").injectFault = () => unsent;
    await cluster.until(cluster.execute([get(key)]));
    const startMs = cluster.clock.monotonicMs();
    expect(await cluster.execute([get(key), put(key, "1")])).toMatchObject([unavailable, unavailable]);
    expect(cluster.clock.monotonicMs()).toBe(startMs);
  });

  it("retries at a draining storage node, and answers that the shard is unavailable", async () => {
    const cluster = new MemoryCluster();
    script(cluster, "node3", [all(refused("DRAINING", "The node is stopping.")), all({ kind: "notFound" })]);
    expect(await cluster.until(cluster.execute([get(key)]))).toEqual([{ kind: "notFound" }]);
    script(cluster, "node3", [all(refused("DRAINING", "The node is stopping."))]);
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toEqual([
      refused(
        "SHARD_UNAVAILABLE",
        "Shard 2 is unavailable: storage node node3 (http://node3:1) answered DRAINING (The node is stopping).",
      ),
    ]);
  });

  it("resends at once operations for which an answer had no room, as often as necessary", async () => {
    const cluster = new MemoryCluster();
    const execute = script(cluster, "node3", [
      (operations) =>
        operations.map((_, index) => (index === 0 ? { kind: "notFound" } : refused("BATCH_ANSWER_FULL", ""))),
    ]);
    const startMs = cluster.clock.monotonicMs();
    const outcomes = cluster.execute(Array.from({ length: 10 }, () => get(key)));
    await vi.waitFor(() => expect(execute).toHaveBeenCalledTimes(10));
    expect(await outcomes).toEqual(Array.from({ length: 10 }, () => ({ kind: "notFound" })));
    expect(cluster.clock.monotonicMs()).toBe(startMs);
  });

  it("stops resending when the values of one request reach its budget", async () => {
    const cluster = new MemoryCluster();
    const large = parseJsonText(`"${"x".repeat(valueBytesMax - 2)}"`);
    const entry: JsonEntry = {
      key: parseKey(key),
      value: large,
      version: null,
      createdAtMs: null,
      updatedAtMs: null,
      expiresAtMs: null,
    };
    // Eight values fill an answer, as at a storage node.
    const execute = script(cluster, "node3", [
      (operations) =>
        operations.map((_, index) => (index < 8 ? { kind: "found", entry } : refused("BATCH_ANSWER_FULL", ""))),
    ]);
    const context = { ...cluster.context(), budget: new AnswerBudget(defaultBounds.answerBytes) };
    const outcomes = await cluster.execute(
      Array.from({ length: 100 }, () => get(key)),
      context,
    );
    expect(execute).toHaveBeenCalledTimes(8);
    expect(outcomes.slice(0, 64).every(({ kind }) => kind === "found")).toBe(true);
    expect(outcomes.slice(64)).toEqual(
      Array.from({ length: 36 }, () => expect.objectContaining({ code: "ANSWER_TOO_LARGE" })),
    );
    expect(await cluster.execute([get(key)], context)).toMatchObject([{ code: "ANSWER_TOO_LARGE" }]);
    expect(execute).toHaveBeenCalledTimes(8);
  });

  it("pauses when an answer had room for nothing at all, until the deadline", async () => {
    const cluster = new MemoryCluster();
    const execute = script(cluster, "node3", [all(refused("BATCH_ANSWER_FULL", "Full."))]);
    expect(await cluster.until(cluster.execute([get(key)], cluster.context(1_000)))).toMatchObject([unavailable]);
    expect(execute.mock.calls.length).toBeLessThan(100);
  });

  it.each(["STORAGE_FULL", "STORAGE_FAILED", "OVERLOADED", "NOT_SUPPORTED", "INVALID_VALUE"] as const)(
    "returns %s as the storage node gave it",
    async (code) => {
      const cluster = new MemoryCluster();
      const execute = script(cluster, "node3", [all(refused(code, "It is so."))]);
      expect(await cluster.until(cluster.execute([put(key, "1")]))).toEqual([refused(code, "It is so.")]);
      expect(execute).toHaveBeenCalledOnce();
    },
  );

  it("never lets an earlier write of a key overtake a later one", async () => {
    const cluster = new MemoryCluster();
    script(cluster, "node3", [
      () => [refused("DRAINING", "No."), { kind: "written", isNew: true, facts: {} as never }],
    ]);
    expect(await cluster.until(cluster.execute([put(key, "1"), put(key, "2")]))).toMatchObject([
      unavailable,
      { kind: "written" },
    ]);
  });
});

describe("Router, with an old cluster map", () => {
  it("refreshes it and sends to the new owner", async () => {
    const cluster = new MemoryCluster();
    await cluster
      .node("node3")
      .assign({ clusterId: "cluster", shardCount: 4, mapVersion: 2, shards: [] }, { timeoutMs: 1 });
    cluster.fresherMap = mapOf({ version: 2, epoch: 2, owner: () => "node1" });
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toMatchObject([{ kind: "written" }]);
    expect(cluster.node("node1").batches).toMatchObject([[{ epoch: 2 }]]);
  });

  it("sends its assignments to a storage node that missed a change", async () => {
    const cluster = new MemoryCluster({ epoch: 5, version: 5 });
    const old = { clusterId: "cluster", shardCount: 4, mapVersion: 4, shards: [{ shardId: 2, epoch: 4 }] };
    await cluster.node("node3").assign(old, { timeoutMs: 1 });
    const assign = vi.spyOn(cluster.node("node3"), "assign");
    expect(await cluster.until(cluster.execute([get(key)]))).toEqual([{ kind: "notFound" }]);
    expect(assign.mock.calls[0]?.[0]).toEqual({
      ...old,
      mapVersion: 5,
      shards: [{ shardId: 2, epoch: 5, lineage: 0 }],
    });
  });

  it("refreshes once for all callers that meet the same stale epoch", async () => {
    const cluster = new MemoryCluster({ epoch: 5, version: 5 });
    await cluster
      .node("node3")
      .assign({ clusterId: "cluster", shardCount: 4, mapVersion: 4, shards: [] }, { timeoutMs: 1 });
    const requests = Array.from({ length: 50 }, () => cluster.execute([get(key)]));
    expect((await cluster.until(Promise.all(requests))).flat()).toEqual(requests.map(() => ({ kind: "notFound" })));
    expect(cluster.refreshes).toBe(1);
  });

  it.each(["STALE_EPOCH", "SHARD_NOT_HOSTED"] as const)("gives up when %s remains, and reports it", async (code) => {
    const cluster = new MemoryCluster();
    const execute = script(cluster, "node3", [all(refused(code, "Not mine."))]);
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toMatchObject([
      { code: "SHARD_UNAVAILABLE", message: expect.stringContaining(`answered ${code} (Not mine).`) },
    ]);
    expect(execute).toHaveBeenCalledTimes(2);
  });

  it("tries once more when the registry cannot be read", async () => {
    const cluster = new MemoryCluster();
    const execute = script(cluster, "node3", [all(refused("STALE_EPOCH", "No.")), all({ kind: "notFound" })]);
    cluster.fresherMap = mapOf({ version: 2 });
    vi.spyOn(cluster.node("node3"), "assign").mockRejectedValue(lost.fault);
    expect(await cluster.until(cluster.execute([get(key)]))).toEqual([{ kind: "notFound" }]);
    expect(execute).toHaveBeenCalledTimes(2);
  });

  it("does not wait for a refresh beyond the deadline", async () => {
    const cluster = new MemoryCluster();
    script(cluster, "node3", [all(refused("STALE_EPOCH", "No."))]);
    vi.spyOn(cluster.node("node3"), "assign").mockReturnValue(new Promise(() => {}));
    expect(await cluster.until(cluster.execute([get(key)], cluster.context(300)))).toMatchObject([unavailable]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(310);
  });

  it("tolerates that a storage node was removed meanwhile", async () => {
    const cluster = new MemoryCluster();
    script(cluster, "node3", [all(refused("SHARD_NOT_HOSTED", "No."))]);
    cluster.fresherMap = mapOf({ version: 2, nodes: ["node1", "node2"] });
    expect(await cluster.until(cluster.execute([get(key)]))).toEqual([{ kind: "notFound" }]);
    const orphaned = new MemoryCluster({ nodes: ["node1"], owner: () => "node9" });
    expect(await orphaned.until(orphaned.execute([get(key)]))).toMatchObject([
      { message: expect.stringContaining("storage node node9 is not registered") },
    ]);
  });
});

describe("Router, for arbitrary operations and faults", () => {
  const operation = fc
    .tuple(fc.constantFrom("get", "put", "remove"), fc.integer({ min: 0, max: 12 }))
    .map(([kind, number]) => ({ kind, name: `key-${number}` }));
  const failures = fc.array(fc.constantFrom("none", "lost", "executed", "unsent"), { maxLength: 12 });

  it("gives each operation an outcome that fits it, in order, and never a wrong value", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), failures, async (wanted, planned) => {
        const cluster = new MemoryCluster();
        for (const node of cluster.nodes.values()) {
          const queue = [...planned];
          node.injectFault = () => {
            const next = queue.shift() ?? "none";
            if (next === "none") return null;
            return next === "unsent" ? unsent : { ...lost, isExecuted: next === "executed" };
          };
        }
        const operations = wanted.map(({ kind, name }, index) =>
          kind === "get" ? get(name) : kind === "put" ? put(name, `["${name}",${index}]`) : remove(name),
        );
        const outcomes = await cluster.until(cluster.execute(operations));
        expect(outcomes).toHaveLength(operations.length);
        outcomes.forEach((outcome, index) => expectFitting(operations[index], outcome));
        await expectTruth(cluster, operations, outcomes);
      }),
      { numRuns: 60 },
    );
  });
});

describe("Router, when a caller's handling of its outcomes throws", () => {
  /** A caller's context with a bug in it. */
  function brokenContext(cluster: MemoryCluster, ms?: number) {
    const budget = new AnswerBudget(defaultBounds.answerBytes);
    vi.spyOn(budget, "spend").mockImplementation(() => {
      throw new Error("A bug.");
    });
    return { ...cluster.context(ms), budget };
  }

  it("rejects that caller's request, and answers all others of the same batch", async () => {
    const cluster = new MemoryCluster();
    const before = cluster.execute([get(key)]);
    const broken = cluster.execute([get(key), put("other", "1")], brokenContext(cluster));
    const after = cluster.execute([put(key, "1")]);
    await expect(cluster.until(broken)).rejects.toThrow("A bug.");
    expect(await cluster.until(before)).toEqual([{ kind: "notFound" }]);
    expect(await cluster.until(after)).toMatchObject([{ kind: "written" }]);
    expect(await cluster.until(cluster.execute([put(key, "2")]))).toMatchObject([{ kind: "written", isNew: false }]);
  });

  it("rejects that caller at its deadline, and answers the others at theirs", async () => {
    const cluster = new MemoryCluster();
    vi.spyOn(cluster.node("node3"), "execute").mockReturnValue(new Promise(() => {}));
    const broken = cluster.execute([get(key)], brokenContext(cluster, 100));
    const other = cluster.execute([get(key)], cluster.context(100));
    await expect(cluster.until(broken)).rejects.toThrow("A bug.");
    expect(await cluster.until(other)).toMatchObject([unavailable]);
  });
});

function expectFitting(operation: Operation | undefined, outcome: Outcome): void {
  if (operation === undefined || operation.kind === "scan") throw new Error("No such operation.");
  if (outcome.kind === "found") expect(outcome.entry.value).toContain(`"${operation.key}"`);
  const kinds = { get: ["found", "notFound"], put: ["written"], delete: ["deleted", "notFound"] };
  expect([...kinds[operation.kind], "refused"]).toContain(outcome.kind);
  if (outcome.kind === "refused")
    expect(["SHARD_UNAVAILABLE", ...(operation.kind === "get" ? [] : ["OUTCOME_UNKNOWN"])]).toContain(outcome.code);
}

/** Expects that the storage nodes hold the last write of each key, as far as the outcomes determine it. */
async function expectTruth(
  cluster: MemoryCluster,
  operations: readonly Operation[],
  outcomes: readonly Outcome[],
): Promise<void> {
  for (const node of cluster.nodes.values()) node.injectFault = () => null;
  for (const name of new Set(operations.map((operation) => (operation.kind === "scan" ? "" : operation.key)))) {
    let expected: string | null = null;
    let isCertain = true;
    operations.forEach((operation, index) => {
      const outcome = outcomes[index];
      if (operation.kind === "scan" || operation.kind === "get" || operation.key !== name) return;
      if (outcome?.kind === "refused" && outcome.code === "SHARD_UNAVAILABLE") return;
      isCertain = outcome?.kind !== "refused";
      expected = operation.kind === "put" ? operation.value : null;
    });
    if (!isCertain) continue;
    const [held] = await cluster
      .node(`node${(get(name).shard % 3) + 1}`)
      .execute([{ operation: get(name), epoch: null }], { timeoutMs: 1 });
    expect(held?.kind === "found" ? held.entry.value : null).toBe(expected);
  }
}
