/** What requests see of a shard that its storage node does not serve, while another one may take it over. */
import { describe, expect, it, vi } from "vitest";
import type { ErrorCode } from "../../../src/core/error.js";
import type { Operation, Outcome, RoutedOperation } from "../../../src/core/operation.js";
import { Receipt } from "../../../src/gateway/graphql/execution/receipt.js";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { silentObserver, type RoutingObserver } from "../../../src/routing/observer.js";
import { refused } from "../../../src/routing/refusal.js";
import { attemptsMax } from "../../../src/routing/retry.js";
import { scanShards } from "../../../src/routing/scan.js";
import { settle } from "../../support/fake-clock.js";
import { mapOf, MemoryCluster, type MapSketch } from "../../support/memory-cluster.js";
import { get, put, remove, scan } from "../../support/operations.js";

/** `user123` is in shard 2, which is node3's. */
const key = "user123";
const gone: Outcome = { kind: "notFound" };
const unavailable = { kind: "refused", code: "SHARD_UNAVAILABLE" };
const dead = {
  fault: new NodeFault("connectionRefused", "storage node node3 (http://node3:1) refused the connection", true),
};
const lost = { fault: new NodeFault("connectionReset", "storage node node3 (http://node3:1) broke off", false) };

function shared(sketch: MapSketch = {}, observer?: Partial<RoutingObserver>): MemoryCluster {
  return new MemoryCluster({ isStoreShared: () => true, ...sketch }, { ...silentObserver, ...observer });
}

/** Every shard of node3 is node1's from now on. */
function takeOver(cluster: MemoryCluster): void {
  const owner = (shard: number): string => (shard % 3 === 1 ? "node2" : "node1");
  cluster.learn(mapOf({ version: cluster.map.version + 1, epoch: 2, owner, isStoreShared: () => true }));
}

type Answer = (operations: readonly RoutedOperation[]) => readonly Outcome[];

/** Has the storage node answer whatever `current` returns at that time; returns the operations of each batch. */
function answering(cluster: MemoryCluster, node: string, current: () => Answer): (readonly Operation[])[] {
  const batches: (readonly Operation[])[] = [];
  vi.spyOn(cluster.node(node), "execute").mockImplementation(async (operations) => {
    batches.push(operations.map(({ operation }) => operation));
    return current()(operations);
  });
  return batches;
}

const all =
  (outcome: Outcome): Answer =>
  (operations) =>
    operations.map(() => outcome);

/** Answers with the code up to this time, and "not found" from then on. */
function refusingUntil(cluster: MemoryCluster, untilMs: number, code: ErrorCode = "SHARD_UNAVAILABLE") {
  return answering(cluster, "node3", () =>
    all(cluster.clock.monotonicMs() < untilMs ? refused(code, "Not now.") : gone),
  );
}

describe("A request for a shard of a shared store", () => {
  it("waits until another storage node has taken the shard over, and is answered by it", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => dead;
    const request = cluster.execute([put(key, "1"), get(key), get("a")]);
    await cluster.clock.advance(2_000);
    takeOver(cluster);
    expect(await cluster.until(request)).toMatchObject([{ kind: "written" }, expect.anything(), gone]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(2_050);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  it("fails after its attempts when the store is not shared", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").injectFault = () => dead;
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toMatchObject([unavailable]);
    expect(cluster.node("node3").batches).toHaveLength(attemptsMax);
    expect(cluster.clock.monotonicMs()).toBeLessThan(200);
  });

  it("fails after its attempts when the store is not shared, but another one of the cluster is", async () => {
    const cluster = shared({ isStoreShared: (node) => node !== "node3" });
    const batches = refusingUntil(cluster, Infinity);
    expect(await cluster.until(cluster.execute([put(key, "1")]))).toMatchObject([unavailable]);
    expect(batches).toHaveLength(attemptsMax);
  });

  it.each([
    "SHARD_UNAVAILABLE",
    "DRAINING",
    "STALE_EPOCH",
    "SHARD_NOT_HOSTED",
    "NODE_CONFLICT",
    "CLUSTER_MISMATCH",
  ] as const)("waits as long as its storage node answers %s", async (code) => {
    const cluster = shared();
    refusingUntil(cluster, 3_000, code);
    expect(await cluster.until(cluster.execute([get(key), remove(key)]))).toEqual([gone, gone]);
    expect(cluster.clock.monotonicMs()).toBeGreaterThanOrEqual(3_000);
    expect(cluster.clock.monotonicMs()).toBeLessThan(3_500);
  });

  it.each(["STORAGE_FAILED", "STORAGE_FULL", "OVERLOADED", "OUTCOME_UNKNOWN", "EXPIRY_PASSED"] as const)(
    "is answered at once with %s",
    async (code) => {
      const cluster = shared();
      const batches = answering(cluster, "node3", () => all(refused(code, "It is so.")));
      expect(await cluster.until(cluster.execute([put(key, "1")]))).toEqual([refused(code, "It is so.")]);
      expect(batches).toHaveLength(1);
    },
  );

  it("never sends a write again that may have happened, and waits with the read beside it", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => lost;
    const request = cluster.execute([put(key, "1"), get(key)]);
    await cluster.clock.advance(1_000);
    takeOver(cluster);
    expect(await cluster.until(request)).toMatchObject([{ code: "OUTCOME_UNKNOWN" }, gone]);
    expect(
      cluster
        .node("node1")
        .batches.flat()
        .map(({ operation }) => operation.kind),
    ).toEqual(["get"]);
  });

  it("ends at its deadline with what happened, to which key, and how long it waited", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => dead;
    const outcomes = await cluster.until(cluster.execute([put(key, "1"), scan(2)], cluster.context(1_500)));
    const cause = "Shard 2 is unavailable: storage node node3 (http://node3:1) refused the connection";
    expect(outcomes).toMatchObject([
      { ...unavailable, message: expect.stringMatching(/ The put of key "user123" waited 1\.5 s for the shard/) },
      {
        ...unavailable,
        message: expect.stringMatching(/ The scan waited 0\.[78] s for the shard to be served again\.$/),
      },
    ]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ message: expect.stringContaining(cause) });
    expect(cluster.clock.monotonicMs()).toBeLessThan(1_510);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  it("ends at its deadline when its storage node hangs, with the write's outcome unknown", async () => {
    const cluster = shared();
    cluster.node("node3").hold();
    const outcomes = await cluster.until(cluster.execute([put(key, "1"), get(key)], cluster.context(3_000)));
    expect(outcomes).toMatchObject([{ code: "OUTCOME_UNKNOWN" }, unavailable]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(3_010);
  });

  it("is given up at once when its caller aborts, and its write is not sent afterwards", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => dead;
    const abort = new AbortController();
    const request = cluster.execute([put(key, "1")], { ...cluster.context(), signal: abort.signal });
    await cluster.clock.advance(700);
    const { length } = cluster.node("node3").batches;
    abort.abort();
    expect(await request).toMatchObject([
      { ...unavailable, message: expect.stringContaining("waited 0.7 s, until its request was cancelled.") },
    ]);
    takeOver(cluster);
    await cluster.clock.advance(1_000);
    expect(cluster.node("node3").batches).toHaveLength(length);
    expect(cluster.node("node1").batches).toEqual([]);
  });

  it("does not begin to wait when its caller has aborted meanwhile", async () => {
    const waitEnded = vi.fn();
    const cluster = shared({}, { waitEnded });
    const abort = new AbortController();
    answering(cluster, "node3", () => (operations) => {
      abort.abort();
      return all(refused("DRAINING", "No."))(operations);
    });
    const context = { ...cluster.context(), signal: abort.signal };
    expect(await cluster.until(cluster.execute([get(key)], context))).toMatchObject([unavailable]);
    expect(waitEnded).not.toHaveBeenCalled();
  });

  it("answers what other shards serve only together with what waits, each with its own outcome", async () => {
    const cluster = shared({ isStoreShared: (node) => node !== "node2" });
    cluster.node("node2").injectFault = () => dead;
    cluster.node("node3").injectFault = () => dead;
    const shard = (number: number) => ({ ...get(`key-${number}`), shard: number as never });
    const request = cluster.execute([shard(0), shard(1), shard(2)]);
    await cluster.clock.advance(1_000);
    takeOver(cluster);
    expect(await cluster.until(request)).toMatchObject([gone, unavailable, gone]);
  });

  it("waits for an owner when the shard has none, and fails at once when there is no such shard", async () => {
    const cluster = shared({ owner: (shard) => (shard === 2 ? null : "node2") });
    const nowhere = { ...get(key), shard: 9 as never };
    const request = cluster.execute([get(key), nowhere, get("a")]);
    expect(await cluster.until(cluster.execute([nowhere]))).toMatchObject([{ code: "SHARD_NOT_FOUND" }]);
    await cluster.clock.advance(1_000);
    takeOver(cluster);
    expect(await cluster.until(request)).toMatchObject([gone, { code: "SHARD_NOT_FOUND" }, gone]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(1_100);
  });

  it("waits when its owner is not registered", async () => {
    const cluster = shared({ owner: () => "node9" });
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(1_000);
    takeOver(cluster);
    expect(await cluster.until(request)).toEqual([gone]);
  });

  it("is sent to the new owner at once when the map changed while it was on its way", async () => {
    const cluster = shared();
    cluster.random = 1;
    answering(cluster, "node3", () => (operations) => {
      takeOver(cluster);
      return all(refused("SHARD_UNAVAILABLE", "No."))(operations);
    });
    expect(await cluster.execute([put(key, "1")])).toMatchObject([{ kind: "written" }]);
    expect(cluster.clock.monotonicMs()).toBe(0);
  });

  it("waits until the new owner has claimed the shard", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => dead;
    const answers = [all(refused("SHARD_NOT_HOSTED", "Not yet.")), all(refused("SHARD_NOT_HOSTED", "Not yet."))];
    answering(cluster, "node1", () => answers.shift() ?? all(gone));
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(100);
    takeOver(cluster);
    expect(await cluster.until(request)).toEqual([gone]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(200);
    expect(cluster.refreshes).toBe(1);
  });

  it("waits behind an open breaker, which goes on probing, until the storage node is back", async () => {
    const cluster = shared();
    const node = cluster.node("node3");
    node.injectFault = () => dead;
    const probe = vi.spyOn(node, "probe");
    const requests = [get(key), put(key, "1"), remove(key)].map((operation) => cluster.execute([operation]));
    await cluster.clock.advance(2_500);
    expect(cluster.pool.figures("node3").breaker).toBe("open");
    expect(probe.mock.calls.length).toBeGreaterThan(1);
    node.injectFault = () => null;
    const outcomes = await cluster.until(Promise.all(requests));
    expect(outcomes).toMatchObject([[{ kind: "found" }], [{ kind: "written" }], [{ kind: "deleted" }]]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(4_000);
    expect(cluster.pool.figures("node3").breaker).toBe("closed");
  });

  it("is tried at once when the storage node is seen again", async () => {
    const cluster = shared();
    const node = cluster.node("node3");
    cluster.random = 1;
    node.injectFault = () => dead;
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(700);
    node.injectFault = () => null;
    const startMs = cluster.clock.monotonicMs();
    cluster.pool.reachable("node1");
    cluster.pool.reachable("node3");
    expect(await request).toEqual([gone]);
    expect(cluster.clock.monotonicMs()).toBe(startMs);
  });

  it("reads from the new owner at once, although the former one hangs with the read", async () => {
    const cluster = shared();
    cluster.node("node3").hold();
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(300);
    expect(cluster.node("node3").batches).toHaveLength(1);
    takeOver(cluster);
    expect(await request).toEqual([gone]);
    expect(cluster.clock.monotonicMs()).toBe(300);
  });

  it("writes at the new owner what the former one, which hangs, was not sent, and nothing else", async () => {
    const unsent = vi.fn();
    const cluster = shared({}, { unsent });
    cluster.node("node3").hold();
    const first = cluster.execute([put(key, "1")]);
    await cluster.clock.advance(100);
    const second = cluster.execute([put(key, "2"), get(key)]);
    await cluster.clock.advance(100);
    takeOver(cluster);
    expect(await second).toMatchObject([{ kind: "written" }, expect.anything()]);
    expect(cluster.clock.monotonicMs()).toBe(200);
    expect(unsent.mock.calls).toEqual([[{ node: "node3", reason: "takenOver", operations: 1 }]]);
    expect(await cluster.until(first)).toMatchObject([{ code: "OUTCOME_UNKNOWN" }]);
    expect(cluster.node("node1").batches.flat()).toHaveLength(2);
  });

  it("stays at a storage node that hangs when its store is not shared, whatever the map says", async () => {
    const cluster = new MemoryCluster();
    cluster.node("node3").hold();
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(300);
    cluster.learn(mapOf({ version: 2, epoch: 2, owner: () => "node1" }));
    await cluster.clock.advance(300);
    expect(cluster.node("node1").batches).toEqual([]);
    expect(await cluster.until(request)).toEqual([gone]);
  });

  it("shows a page of all other shards in time, also when the page needs further rounds", async () => {
    const cluster = shared();
    // All in one shard, so that the page needs several rounds.
    const names = Array.from({ length: 800 }, (_, index) => `key-${index}`).filter((name) => get(name).shard === 1);
    await cluster.until(cluster.execute(names.map((name) => put(name, "1"))));
    cluster.node("node3").injectFault = () => dead;
    const request = { shardCount: 4, prefix: "", after: null, before: null, limit: 180, isReverse: false };
    const page = await cluster.until(scanShards(cluster.router, request, cluster.context()));
    expect(page.unavailableShards).toEqual([2]);
    expect(page.entries).toHaveLength(180);
    expect(cluster.node("node2").batches.length).toBeGreaterThan(2);
  });

  it("is recorded with all its attempts", async () => {
    const cluster = shared();
    const receipt = new Receipt("r1", cluster.clock);
    const batches = refusingUntil(cluster, 1_000);
    const operations = [get(key)];
    const info = { path: { prev: undefined, key: "entry", typename: "Query" } };
    const request = cluster.execute(operations, { ...cluster.context(), recorder: receipt.runs(info, operations) });
    expect(await cluster.until(request)).toEqual([gone]);
    expect(receipt.report().fields).toMatchObject([{ operations: 1, retries: batches.length - 1, unsent: 0 }]);
  });
});

describe("Operations that wait for one shard", () => {
  it("are tried one by one, with growing pauses, and follow together once the shard answers", async () => {
    const cluster = shared();
    const batches = refusingUntil(cluster, 3_000);
    const requests = Array.from({ length: 500 }, () => cluster.execute([get(key)]));
    await cluster.clock.advance(100);
    requests.push(...Array.from({ length: 500 }, () => cluster.execute([get(key)])));
    await cluster.clock.advance(2_800);
    const tries = batches.slice(1);
    expect(tries.length).toBeGreaterThan(10);
    expect(tries.length).toBeLessThan(40);
    expect(tries.every(({ length }) => length === 1)).toBe(true);
    expect((await cluster.until(Promise.all(requests))).flat()).toEqual(requests.map(() => gone));
    expect(batches.length).toBeLessThan(tries.length + 10);
  });

  it("are written in the order in which they came, also behind one that is being tried", async () => {
    const cluster = shared();
    const written: string[] = [];
    answering(cluster, "node3", () => (operations) => {
      if (cluster.clock.monotonicMs() < 1_000) return all(refused("SHARD_UNAVAILABLE", "No."))(operations);
      for (const { operation } of operations) if (operation.kind === "put") written.push(operation.value);
      return all(gone)(operations);
    });
    const requests = [cluster.execute([put(key, "1"), put(key, "2")])];
    for (const value of ["3", "4", "5"]) {
      await cluster.clock.advance(300);
      requests.push(cluster.execute([put(key, value)]));
    }
    await cluster.until(Promise.all(requests));
    expect(written).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("read while writes wait, where only writes are refused", async () => {
    const cluster = shared();
    answering(
      cluster,
      "node3",
      () => (operations) =>
        operations.map(({ operation }) => (operation.kind === "get" ? gone : refused("SHARD_UNAVAILABLE", "No."))),
    );
    const write = cluster.execute([put(key, "1")], cluster.context(500));
    await cluster.clock.advance(100);
    const startMs = cluster.clock.monotonicMs();
    expect(await cluster.execute([get(key)])).toEqual([gone]);
    expect(cluster.clock.monotonicMs()).toBe(startMs);
    expect(await cluster.until(write)).toMatchObject([unavailable]);
  });

  it("are not held up by a read that fails by itself", async () => {
    const cluster = shared();
    const isPoison = ({ operation }: RoutedOperation): boolean => operation.kind === "get" && operation.key === "x";
    answering(cluster, "node3", () => (operations) => {
      if (cluster.clock.monotonicMs() < 50) return all(refused("SHARD_UNAVAILABLE", "No."))(operations);
      return operations.map((routed) => (isPoison(routed) ? refused("SHARD_UNAVAILABLE", "Poison.") : gone));
    });
    const poison = cluster.execute([{ ...get("x"), shard: 2 as never }]);
    await cluster.clock.advance(1);
    const others = ["a", "b"].map((name) => cluster.execute([{ ...get(name), shard: 2 as never }]));
    expect(await cluster.until(Promise.all(others))).toEqual([[gone], [gone]]);
    expect(cluster.clock.monotonicMs()).toBeLessThan(1_000);
    expect(await cluster.until(poison)).toMatchObject([{ message: expect.stringContaining("Poison.") }]);
  });

  it("do not follow a write whose outcome is unknown before the shard has answered", async () => {
    const cluster = shared();
    const answers = [
      all(refused("SHARD_UNAVAILABLE", "No.")),
      all(refused("OUTCOME_UNKNOWN", "Lost.")),
      all(refused("SHARD_UNAVAILABLE", "No.")),
      all(gone),
    ];
    const batches = answering(cluster, "node3", () => answers.shift() ?? all(gone));
    const first = cluster.execute([put(key, "1")]);
    await settle();
    const others = ["2", "3"].map((value) => cluster.execute([put(key, value)]));
    expect(await cluster.until(Promise.all([first, ...others]))).toEqual([
      [{ ...refused("OUTCOME_UNKNOWN", "Lost.") }],
      [gone],
      [gone],
    ]);
    expect(batches.map(({ length }) => length).slice(0, 4)).toEqual([1, 1, 1, 1]);
  });

  it("keep an earlier write of a key from following a later one that happened", async () => {
    const cluster = shared();
    const written: Outcome = { kind: "written", isNew: true, facts: {} as never };
    const answers = [all(refused("SHARD_UNAVAILABLE", "No.")), () => [refused("DRAINING", "No."), written]];
    answering(cluster, "node3", () => answers.shift() ?? all(gone));
    const outcomes = await cluster.until(cluster.execute([put(key, "1"), put(key, "2")]));
    expect(outcomes).toMatchObject([unavailable, { kind: "written" }]);
  });

  it("are sent again one by one where a storage node answers only some of them", async () => {
    const cluster = shared();
    const no = refused("SHARD_UNAVAILABLE", "No.");
    const answers = [all(no), () => [gone, no, no], all(no), all(gone)];
    const batches = answering(cluster, "node3", () => answers.shift() ?? all(gone));
    const operations = ["a", "b", "c"].map((name) => ({ ...put(name, "1"), shard: 2 as never }));
    expect(await cluster.until(cluster.execute(operations))).toEqual([gone, gone, gone]);
    expect(
      batches.map((batch) => batch.map((operation) => operation.kind === "put" && operation.key).join("")),
    ).toEqual(["abc", "abc", "bc", "bc"]);
  });

  it("go to the new owner while one of them still hangs at the former one", async () => {
    const cluster = shared();
    cluster.node("node3").failNext(dead);
    const first = cluster.execute([get(key)]);
    await cluster.clock.advance(0);
    const second = cluster.execute([get(key)]);
    cluster.node("node3").hold();
    await cluster.clock.advance(100);
    takeOver(cluster);
    expect(await second).toEqual([gone]);
    expect(cluster.clock.monotonicMs()).toBe(100);
    expect(await cluster.until(first)).toEqual([gone]);
  });

  it("follow the new owner's answer, whatever the former one refuses meanwhile", async () => {
    const cluster = shared();
    const [former, owner] = [cluster.node("node3"), cluster.node("node1")];
    former.hold();
    const early = cluster.execute([get(key)]);
    await cluster.clock.advance(10);
    former.failNext(dead);
    const later = cluster.execute([get(key)]);
    await cluster.clock.advance(0);
    owner.hold();
    takeOver(cluster);
    // The early one's attempt at the former owner ends while the later one is on its way to the new owner.
    await cluster.clock.advance(1_995);
    expect(owner.batches).toHaveLength(1);
    owner.release();
    expect(await Promise.all([early, later])).toEqual([[gone], [gone]]);
    expect(cluster.clock.monotonicMs()).toBe(2_005);
  });

  it("are refused at once when the gateway closes, also those that come later", async () => {
    const cluster = shared();
    cluster.node("node3").injectFault = () => dead;
    const request = cluster.execute([get(key)]);
    await cluster.clock.advance(200);
    await cluster.pool.close();
    expect(await cluster.until(request)).toMatchObject([
      { ...unavailable, message: expect.stringContaining("waited 0.2 s, until the gateway shut down.") },
    ]);
    const startMs = cluster.clock.monotonicMs();
    expect(await cluster.execute([get(key)])).toMatchObject([unavailable]);
    expect(cluster.clock.monotonicMs()).toBe(startMs);
  });

  it("reject with a bug of the gateway, and let the others pass", async () => {
    const cluster = shared();
    refusingUntil(cluster, 500);
    const budget = { isSpent: false, refusal: () => refused("ANSWER_TOO_LARGE", ""), spend: vi.fn() };
    const broken = cluster.execute([put(key, "1")], { ...cluster.context(), budget: budget as never });
    const failed = expect(broken).rejects.toThrow("A bug.");
    await settle();
    const other = cluster.execute([put(key, "2")]);
    budget.spend.mockImplementation(() => {
      throw new Error("A bug.");
    });
    expect(await cluster.until(other)).toEqual([gone]);
    await failed;
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  it("are counted while they wait, and by how their wait ended", async () => {
    const [waiting, ended, retried] = [vi.fn(), vi.fn(), vi.fn()];
    const cluster = shared({}, { waiting, waitEnded: ended, retried });
    const batches = refusingUntil(cluster, 400);
    const late = cluster.execute([get(key), get("user124"), get(key)], cluster.context(100));
    const requests = [late, cluster.execute([put(key, "1"), put(key, "2")])];
    await cluster.clock.advance(50);
    expect(Math.max(...waiting.mock.calls.map(([{ operations }]) => operations))).toBeGreaterThanOrEqual(4);
    await cluster.until(Promise.all(requests));
    expect(waiting.mock.lastCall).toEqual([{ operations: 0 }]);
    const ends = ended.mock.calls.map(([event]) => event);
    expect(ends).toContainEqual({ end: "answered", operations: 2 });
    expect(ends).toContainEqual({ end: "deadline", operations: 2 });
    const sentAgain = retried.mock.calls.reduce((sum, [{ operations }]) => sum + operations, 0);
    expect(sentAgain).toBe(batches.flat().length - 4);
  });
});
