import { describe, expect, it } from "vitest";
import { evidenceOf, noEvidence, refusedReportMs } from "../../../../src/gateway/cluster/node-evidence.js";
import { storageNodesMax } from "../../../../src/core/limits.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { FakePool } from "../fake-nodes.js";
import { openPrimary } from "./open-primary.js";

describe("what the requests of a process show of storage nodes", () => {
  it("is when each of them served one, and which refused a connection", async () => {
    const clock = new FakeClock();
    const pool = new FakePool();
    const evidence = evidenceOf(pool, clock);
    pool.answered.set("a", clock.monotonicMs());
    await clock.advance(40);
    expect(await evidence.silences(["a", "b"])).toEqual([40, null]);
    pool.refuse("b");
    expect([evidence.takeRefused(), evidence.takeRefused()]).toEqual([["b"], []]);
  });

  it("reports a refused connection at once, and the same storage node again only after a pause", async () => {
    const clock = new FakeClock();
    const pool = new FakePool();
    const reported: string[] = [];
    const stop = evidenceOf(pool, clock).onRefused((node) => reported.push(node));
    for (const node of ["a", "a", "b", "a"]) pool.refuse(node);
    expect(reported).toEqual(["a", "b"]);
    await clock.advance(refusedReportMs);
    pool.refuse("a");
    expect(reported).toEqual(["a", "b", "a"]);
    // However many names there are, it remembers a bounded number of them.
    for (let node = 0; node <= storageNodesMax; node++) pool.refuse(`n${node}`);
    expect(reported).toHaveLength(4 + storageNodesMax);
    stop();
    await clock.advance(refusedReportMs);
    pool.refuse("a");
    expect(reported).toHaveLength(4 + storageNodesMax);
  });

  it("is nothing in a process without requests", async () => {
    expect(await noEvidence.silences(["a"])).toEqual([null]);
    expect(noEvidence.takeRefused()).toEqual([]);
    noEvidence.onRefused(() => expect.unreachable("Nothing is refused there."))();
  });
});

describe("WorkerEvidence", () => {
  it("has the latest service of any worker, and none of a worker that hangs", async () => {
    const { views, clock, join } = await openPrimary();
    expect(await views.evidence.silences(["a"])).toEqual([null]);
    const [one, two, hung] = [join(), join(), join()];
    await clock.advance(100);
    one.pool.answered.set("a", clock.monotonicMs() - 30);
    two.pool.answered.set("a", clock.monotonicMs() - 20);
    hung.pool.answered.set("a", clock.monotonicMs());
    hung.line.cut();
    const asked = views.evidence.silences(["a", "b"]);
    await clock.advance(1_000);
    expect(await asked).toEqual([20, null]);
  });

  it("hears of each refused connection of a worker, until the worker stops", async () => {
    const { views, join } = await openPrimary();
    const heard: string[] = [];
    const stop = views.evidence.onRefused((node) => heard.push(node));
    const { pool, membership } = join();
    pool.refuse("a");
    await settle();
    expect([heard, views.evidence.takeRefused(), views.evidence.takeRefused()]).toEqual([["a"], ["a"], []]);
    stop();
    pool.refuse("b");
    await settle();
    expect([heard, views.evidence.takeRefused()]).toEqual([["a"], ["b"]]);
    membership.stop();
    pool.refuse("c");
    await settle();
    expect(views.evidence.takeRefused()).toEqual([]);
  });

  it("asks no worker, and is sent nothing, while no storage node is in doubt or refuses", async () => {
    const { clock, membership, nodes, join } = await openPrimary();
    const { line, pool } = join();
    membership.start();
    const registration = { id: "a", url: "http://a:1", incarnation: "a-1", storeId: "s", starts: ["a-1"] };
    nodes.client("a").accept(await membership.register({ ...registration, isStoreShared: true, shards: [] }));
    await settle();
    for (let second = 0; second < 5; second++) {
      pool.answered.set("a", clock.monotonicMs());
      await membership.heartbeat("a", { incarnation: "a-1" });
      await clock.advance(1_000);
    }
    expect(line.sent.filter(isEvidence)).toEqual([]);
    nodes.client("a").isDown = true;
    await clock.advance(3_000);
    expect(line.sent.filter(isEvidence)).not.toEqual([]);
    await membership.stop();
  });
});

function isEvidence(message: unknown): boolean {
  const { name } = message as { readonly name?: string };
  return name === "silences" || name === "refused";
}
