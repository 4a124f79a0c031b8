/** What a caller's recorder hears of the batches that carry its operations, through the whole of routing. */
import { describe, expect, it } from "vitest";
import { requestIdsLoggedMax } from "../../src/core/limits.js";
import type { Operation, Outcome } from "../../src/core/operation.js";
import { NodeFault } from "../../src/routing/node-client.js";
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

const fault = new NodeFault("connectionReset", "node1 closed the connection", true);

describe("a caller's recorder", () => {
  it("hears which batch carried its operations, and not what else was in it", async () => {
    const { cluster, recorder, run } = open();
    const others = cluster.execute([get("x"), get("y")]);
    const own = put("a", "1");
    await cluster.until(Promise.all([others, run([own])]));
    expect(recorder.sentOnes).toMatchObject([
      { operation: own, batch: { node: "node1", operations: 3, serviceMs: 0, fault: null }, waitMs: 0 },
    ]);
    expect(recorder.outcomes).toMatchObject([[own, { kind: "written" }]]);
  });

  it("hears how long an operation waited and its batch took", async () => {
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

  it("hears of every attempt, with the reason why one failed", async () => {
    const { cluster, recorder, run } = open();
    cluster.node("node1").failNext({ fault });
    await cluster.until(run([get("a")]));
    expect(recorder.sentOnes.map(({ batch }) => batch.fault)).toEqual(["connectionReset", null]);
    expect(new Set(recorder.sentOnes.map(({ batch }) => batch.id)).size).toBe(2);
    expect(recorder.outcomes.map(([, { kind }]) => kind)).toEqual(["refused", "notFound"]);
  });

  it("hears nothing of what no batch carried", async () => {
    const { recorder, run, cluster } = open();
    cluster.map = { ...cluster.map, shards: cluster.map.shards.map((shard) => ({ ...shard, primary: null })) };
    await cluster.until(run([get("a")]));
    expect(recorder.sentOnes).toEqual([]);
  });
});

describe("the log", () => {
  it("has the id of a batch, and of the requests in one that failed", async () => {
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

  it("does not warn of what the gateway gave up itself", async () => {
    const { cluster } = open();
    cluster.node("node1").failNext({ fault: new NodeFault("aborted", "node1 is no longer used", true) }, 3);
    await cluster.until(cluster.execute([get("a")]));
    expect(cluster.log.lines.map(({ level }) => level)).toEqual(["debug", "debug", "debug"]);
  });
});
