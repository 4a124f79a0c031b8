import { describe, expect, it } from "vitest";
import { MemoryContent } from "../../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../../src/storage/memory/memory-engine.js";
import { leaveNode, leavingMsMax } from "../../../src/storage-node/leave-node.js";
import type { ShardHostOptions } from "../../../src/storage-node/shards/shard-host.js";
import { assignments, get, put } from "../operations.js";
import { codes, kinds, openHost } from "../running-host.js";
import { slowFaults } from "../../storage/memory/slow-faults.js";
import { ScriptedEngine } from "./scripted-engine.js";

/** Two processes of storage node one and one of storage node two, all over the same store, each with an engine of its own. */
async function setUp() {
  const content = new MemoryContent("shared1");
  const open = (node: string, options: Partial<ShardHostOptions>) =>
    openHost(new ScriptedEngine(new MemoryEngine(slowFaults(), content, node)), {
      hasGateway: true,
      start: `start of ${node}`,
      ...options,
    });
  const { host: first } = await open("one", { isShared: true });
  const { host: second, clock, log } = await open("one", { isShared: true, isFirst: false });
  const { host: other } = await open("two", {});
  await first.acknowledge(assignments(1, { 1: 1, 2: 1 }));
  await other.acknowledge(assignments(1, { 3: 1 }));
  return { first, second, other, clock, log };
}

describe("two processes of a storage node of a shared store", () => {
  it("serve its shards together, and give no version twice", async () => {
    const { first, second } = await setUp();
    const writes = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? first : second).execute([
          put(`k${index}`, "1", { epoch: 1, shard: 1 }),
          put(`k${index}`, "1", { epoch: 1, shard: 2 }),
        ]),
      ),
    );
    for (const shard of [0, 1]) {
      const versions = writes.map((outcomes) => {
        const outcome = outcomes[shard];
        return outcome?.kind === "written" ? outcome.facts.version : outcome?.kind;
      });
      expect(new Set(versions)).toEqual(new Set(Array.from({ length: 40 }, (_, index) => String(index + 1))));
    }
    expect(kinds(await second.execute([get("k0", 1, 1), get("k39", 1, 2)]))).toEqual(["found", "found"]);
  });

  it("both end an old epoch the moment that another storage node has taken over, and leave it the shard", async () => {
    const { first, second, other } = await setUp();
    await first.execute([put("a", "1", { epoch: 1 })]);
    await other.applyAssignments(assignments(2, { 2: 2, 3: 1 }));
    for (const host of [first, second]) {
      const operations = [get("a", 1), put("a", "2", { epoch: 1 }), put("b", "1", { epoch: 1, shard: 1 })];
      expect(codes(await host.execute(operations))).toEqual(["STALE_EPOCH", "STALE_EPOCH", null]);
    }
    await second.applyAssignments(assignments(2, { 1: 1 }));
    await first.applyAssignments(assignments(3, { 1: 1 }));
    expect(await other.execute([get("a", 2), put("a", "3", { epoch: 2 })])).toMatchObject([
      { kind: "found", entry: { value: "1" } },
      { kind: "written", isNew: false },
    ]);
  });

  it("both leave once other storage nodes have their shards, also the one that sends no heartbeats", async () => {
    const { second, other, clock, log } = await setUp();
    expect(second.isAcknowledged).toBe(false);
    await second.refresh();
    const startMs = clock.monotonicMs();
    let isOver = false;
    void leaveNode({ shardHost: second, agent: null, clock, log }).then(() => (isOver = true));
    for (let step = 0; step < 3; step++) await clock.advance(50);
    expect(isOver).toBe(false);
    await other.applyAssignments(assignments(2, { 1: 2, 2: 2, 3: 1 }));
    while (!isOver) await clock.advance(50);
    expect(clock.monotonicMs() - startMs).toBeLessThan(leavingMsMax);
    expect(log.lines.at(-1)).toMatchObject({ level: "info" });
  });
});
