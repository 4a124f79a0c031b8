/** What a caller's recorder records of the batches that carry its operations, through the whole of routing. */
import { describe, expect, it } from "vitest";
import { requestIdsLoggedMax } from "../../src/core/limits.js";
import type { Operation, Outcome } from "../../src/core/operation.js";
import { parseJsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import type { ShardNumber } from "../../src/core/shard.js";
import { AnswerBudget } from "../../src/routing/answer-budget.js";
import { NodeFault } from "../../src/routing/node-client/node-client.js";
import { silentObserver } from "../../src/routing/observer.js";
import type { BatchRecord, RouteRecorder } from "../../src/routing/recorder.js";
import { settle } from "../support/fake-clock.js";
import { MemoryCluster } from "../support/memory-cluster.js";
import { get, put } from "../support/operations.js";

class ListRecorder implements RouteRecorder {
  readonly sentOnes: { readonly operation: Operation; readonly batch: BatchRecord; readonly waitMs: number }[] = [];
  readonly outcomes: (readonly [Operation, Outcome])[] = [];

  sent(operation: Operation, batch: BatchRecord, waitMs: number): void {
    this.sentOnes.push({ operation, batch, waitMs });
  }
  answered(operation: Operation, outcome: Outcome): void {
    this.outcomes.push([operation, outcome]);
  }
}

function open() {
  const cluster = new MemoryCluster({ nodes: ["node1"] });
  const recorder = new ListRecorder();
  const run = (operations: readonly Operation[]) => cluster.execute(operations, { ...cluster.context(), recorder });
  return { cluster, recorder, run };
}

const found = (text: string): Outcome => {
  const times = { version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };
  return { kind: "found", entry: { key: parseKey("a"), value: parseJsonText(text), ...times } };
};
const fault = new NodeFault("connectionReset", "node1 closed the connection", true);

describe("a caller's recorder", () => {
  it("records which batch carried its operations, and nothing else about that batch", async () => {
    const { cluster, recorder, run } = open();
    const others = cluster.execute([get("x"), get("y")]);
    const own = put("a", "1");
    await cluster.until(Promise.all([others, run([own])]));
    expect(recorder.sentOnes).toMatchObject([
      { operation: own, batch: { node: "node1", operations: 3, serviceMs: 0, fault: null }, waitMs: 0 },
    ]);
    expect(recorder.outcomes).toMatchObject([[own, { kind: "written" }]]);
  });

  it("records how long an operation waited and how long its batch took", async () => {
    const { cluster, recorder, run } = open();
    cluster.node("node1").hold();
    const first = cluster.execute([get("x")]);
    await settle();
    const own = run([get("a")]);
    await cluster.clock.advance(2);
    expect(recorder.sentOnes).toMatchObject([{ waitMs: 2, batch: { serviceMs: null } }]);
    await cluster.clock.advance(30);
    cluster.node("node1").release();
    await cluster.until(Promise.all([first, own]));
    expect(recorder.sentOnes).toMatchObject([{ batch: { serviceMs: 30 } }]);
  });

  it("records every attempt, with the reason why one failed", async () => {
    const { cluster, recorder, run } = open();
    cluster.node("node1").failNext({ fault });
    await cluster.until(run([get("a")]));
    expect(recorder.sentOnes.map(({ batch }) => batch.fault)).toEqual(["connectionReset", null]);
    expect(new Set(recorder.sentOnes.map(({ batch }) => batch.id)).size).toBe(2);
    expect(recorder.outcomes.map(([, { kind }]) => kind)).toEqual(["refused", "notFound"]);
  });

  it("records nothing of operations that no batch carried", async () => {
    const { recorder, run, cluster } = open();
    cluster.map = { ...cluster.map, shards: cluster.map.shards.map((shard) => ({ ...shard, primary: null })) };
    await cluster.until(run([get("a")]));
    expect(recorder.sentOnes).toEqual([]);
  });
});

describe("the routing observer", () => {
  /** Codes of the operations that the observer counted. */
  function observed() {
    const codes: string[] = [];
    const refused = ({ code }: { readonly code: string }): void => void codes.push(code);
    return { codes, cluster: new MemoryCluster({ nodes: ["node1", "node2"] }, { ...silentObserver, refused }) };
  }

  it("counts a refusal only when it is final", async () => {
    const { codes, cluster } = observed();
    cluster.node("node1").failNext({ fault });
    cluster.node("node2").failNext({ fault });
    await cluster.until(cluster.execute([0, 1].map((shard) => ({ ...get("a"), shard: shard as ShardNumber }))));
    expect(codes).toEqual([]);
  });

  it.each([
    ["of one storage node", [0]],
    ["of several", [0, 1]],
  ])("counts every refusal once: %s", async (_, shards) => {
    const { codes, cluster } = observed();
    cluster.node("node1").failNext({ fault }, 3);
    cluster.node("node2").failNext({ fault }, 3);
    await cluster.until(cluster.execute(shards.map((shard) => ({ ...get("a"), shard: shard as ShardNumber }))));
    expect(codes).toEqual(shards.map(() => "SHARD_UNAVAILABLE"));
  });

  it("counts operations that are refused because the request's budget is spent", async () => {
    const { codes, cluster } = observed();
    const budget = new AnswerBudget(1);
    budget.spend([{ kind: "page", entries: [], hasMore: false }, found("12345")]);
    await cluster.execute([get("a")], { ...cluster.context(), budget });
    expect(codes).toEqual(["ANSWER_TOO_LARGE"]);
  });
});

describe("the log of routing", () => {
  it("contains the id of a failed batch, and those of the requests in it", async () => {
    const { cluster } = open();
    cluster.node("node1").failNext({ fault });
    const requestIds = Array.from({ length: requestIdsLoggedMax + 1 }, (_, index) => `r${index}`);
    const all = requestIds.flatMap((requestId) => [
      cluster.execute([get("a"), get("b")], { ...cluster.context(), requestId }),
    ]);
    await cluster.until(Promise.all(all));
    const [failed, answered] = cluster.log.lines;
    expect(failed).toMatchObject({
      level: "warn",
      facts: { node: "node1", reason: "connectionReset", err: fault, requestIds: requestIds.slice(0, -1) },
    });
    expect(answered).toMatchObject({ level: "debug", message: "A batch was answered." });
    expect(failed?.facts["batchId"]).not.toBe(answered?.facts["batchId"]);
  });

  it("has no warnings about operations that the gateway itself cancelled", async () => {
    const { cluster } = open();
    cluster.node("node1").failNext({ fault: new NodeFault("aborted", "node1 is no longer used", true) }, 3);
    await cluster.until(cluster.execute([get("a")]));
    expect(cluster.log.lines.map(({ level }) => level)).toEqual(["debug", "debug", "debug"]);
  });
});
