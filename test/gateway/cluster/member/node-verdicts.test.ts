/** What a gateway that follows answers about storage nodes that the leader doubts. */
import { describe, expect, it } from "vitest";
import { NodeVerdicts } from "../../../../src/gateway/cluster/member/node-verdicts.js";
import { evidenceOf } from "../../../../src/gateway/cluster/node-evidence.js";
import { NodeCalls } from "../../../../src/gateway/cluster/node-calls.js";
import { createClusterMap } from "../../../../src/registry/commands.js";
import type { NodeRecord } from "../../../../src/registry/cluster-map.js";
import { parseGatewayBeat } from "../../../../src/gateway/cluster/peers/received-answers.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool } from "../fake-nodes.js";

function record(name: string, storeId: string | null): NodeRecord {
  return {
    name,
    url: `http://${name}:8000`,
    registeredAtMs: 0,
    storeId,
    lastStart: storeId,
    isLossAccepted: false,
    isStoreShared: false,
    isDraining: false,
  };
}

/** `full` has a store, `plain` has none. */
function open() {
  const clock = new FakeClock();
  const pool = new FakePool();
  const nodes = new Map([record("full", "s1"), record("plain", null)].map((each) => [each.name, each]));
  const map = { ...createClusterMap({ clusterId: "c1", clusterName: "c", shardCount: 4 }), nodes };
  const calls = new NodeCalls(pool, new RecordLog());
  const verdicts = new NodeVerdicts({ map: () => map, calls, evidence: evidenceOf(pool, clock), clock });
  const full = pool.client("full");
  full.clusterId = "c1";
  pool.client("plain").kind = "plain";
  return { clock, pool, verdicts, full };
}

async function verdictOf(verdicts: NodeVerdicts, name: string): Promise<number | null | undefined> {
  verdicts.look([name]);
  const { seen } = await verdicts.take();
  return seen.find(([node]) => node === name)?.[1];
}

describe("NodeVerdicts", () => {
  it("reports a storage node that answers as seen", async () => {
    const { verdicts } = open();
    expect(await verdictOf(verdicts, "full")).toBe(0);
    expect(await verdictOf(verdicts, "plain")).toBe(0);
  });

  it.each<[string, (opened: ReturnType<typeof open>) => unknown]>([
    ["does not answer", ({ full }) => (full.isDown = true)],
    ["answers by another name", ({ full }) => (full.name = "other")],
    ["answers for another cluster", ({ full }) => (full.clusterId = "c2")],
    ["was not acknowledged", ({ full }) => (full.isAcknowledged = false)],
    ["answers like a plain one", ({ full }) => (full.kind = "plain")],
  ])("does not hear of one that %s", async (_, change) => {
    const opened = open();
    change(opened);
    expect(await verdictOf(opened.verdicts, "full")).toBeNull();
  });

  it("says when requests of clients were answered last by one that does not answer now", async () => {
    const { verdicts, full, pool, clock } = open();
    full.isDown = true;
    await clock.advance(1_000);
    pool.answered.set("full", clock.monotonicMs());
    await clock.advance(400);
    expect(await verdictOf(verdicts, "full")).toBe(400);
  });

  it("gives whole milliseconds, which is what the leader accepts, although clocks are finer", async () => {
    const { verdicts, full, pool, clock } = open();
    full.isDown = true;
    pool.answered.set("full", clock.monotonicMs());
    await clock.advance(400.4);
    verdicts.look(["full"]);
    const { seen, refused } = await verdicts.take();
    const beat = { url: null, mapVersion: 1, leaderId: "l-1", seen, refused };
    expect(parseGatewayBeat(beat).seen).toEqual([["full", 400]]);
  });

  it("gives each verdict once, so that a beat that the leader refused is not repeated for ever", async () => {
    const { verdicts } = open();
    verdicts.look(["full"]);
    expect((await verdicts.take()).seen).toEqual([["full", 0]]);
    expect((await verdicts.take()).seen).toEqual([]);
  });

  it("reports a storage node that is no longer in the map as not seen", async () => {
    const { verdicts, pool } = open();
    pool.client("gone").clusterId = "c1";
    expect(await verdictOf(verdicts, "gone")).toBeNull();
  });

  it("passes on refused connections once", async () => {
    const { verdicts, pool } = open();
    pool.refused = ["full"];
    expect(await verdicts.take()).toEqual({ seen: [], refused: ["full"] });
    expect(await verdicts.take()).toEqual({ seen: [], refused: [] });
    verdicts.stop();
  });
});
