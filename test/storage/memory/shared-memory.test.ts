import { describe, expect, it } from "vitest";
import { MemoryContent } from "../../../src/storage/memory/memory-content.js";
import { MemoryEngine, type MemoryFaults } from "../../../src/storage/memory/memory-engine.js";
import { describeSharedStore } from "../../conformance/shared-store.js";
import { describeStorageEngine } from "../../conformance/storage-engine.js";
import { describeUnknownOutcomes } from "../../conformance/storage-outcomes.js";
import {
  changeClaims,
  claim,
  find,
  get,
  keys,
  noBudget,
  nowMs,
  put,
  read,
  shard,
  write,
} from "../../conformance/storage-operations.js";
import { slowFaults } from "./slow-faults.js";

const sharedAs = (node: string, faults: MemoryFaults | null = null, content = new MemoryContent("store-1")) =>
  new MemoryEngine(faults, content, node);

describeStorageEngine("MemoryEngine of one storage node of a shared store", async () => ({
  engine: sharedAs("a", slowFaults()),
}));

describeUnknownOutcomes("MemoryEngine of one storage node of a shared store", async () => {
  const faults = slowFaults();
  return {
    engine: sharedAs("a", faults),
    setCommits: (fate) => (faults.fate = fate),
    failOver: () => faults.count++,
  };
});

describeSharedStore(
  "MemoryEngine",
  async () => {
    const content = new MemoryContent("store-1");
    const faults = slowFaults();
    return {
      open: async (node) => sharedAs(node, faults, content),
      setCommits: (fate) => (faults.fate = fate),
      close: async () => {},
    };
  },
  200,
);

describe("a storage node that is suspended in the middle of a call", () => {
  /** `meanwhile` runs once, between what the next call of storage node a has read or planned and its commit. */
  const suspended = async () => {
    const content = new MemoryContent("store-1");
    let meanwhile: (() => Promise<unknown>) | null = null;
    const pause = async (): Promise<void> => {
      const running = meanwhile;
      meanwhile = null;
      await running?.();
    };
    const a = sharedAs("a", { pause, commit: () => "happens", failovers: () => 0 }, content);
    const b = sharedAs("b", null, content);
    await changeClaims(a, claim(1));
    await write(a, [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } }), put("b", "1")], nowMs);
    return { a, b, onceInBetween: (run: () => Promise<unknown>) => (meanwhile = run) };
  };

  it("writes nothing of what it planned before another storage node claimed the shard", async () => {
    const { a, b, onceInBetween } = await suspended();
    onceInBetween(() => changeClaims(b, claim(2)));
    expect(await write(a, [put("c", "1")], nowMs, 1)).toMatchObject([{ code: "STALE_EPOCH", epoch: 2 }]);
    expect(await keys(b)).toEqual(["a", "b"]);
  });

  it("answers nothing old once an entry has to be recorded as expired", async () => {
    const { a, b, onceInBetween } = await suspended();
    onceInBetween(async () => {
      await changeClaims(b, claim(2));
      await write(b, [put("b", "2")], nowMs);
    });
    const later = { ...noBudget, nowMs: nowMs + 1000 };
    const outcomes = await read(a, [get("a"), get("b")], later, 1);
    expect(outcomes).toMatchObject([{ code: "STALE_EPOCH" }, { code: "STALE_EPOCH" }]);
    expect(await find(b, "a")).toMatchObject({ value: "1" });
  });

  it("expires nothing", async () => {
    const { a, b, onceInBetween } = await suspended();
    onceInBetween(() => changeClaims(b, claim(2)));
    expect((await a.sweep(nowMs + 1000, 10)).expired).toBe(0);
    expect(await keys(b)).toEqual(["a", "b"]);
  });

  it("neither releases nor claims the shard, and decides anew over what the other has changed", async () => {
    const { a, b, onceInBetween } = await suspended();
    const seen: (number | undefined)[] = [];
    onceInBetween(() => changeClaims(b, claim(3)));
    await a.changeState(({ claims }) => {
      seen.push(claims.get(shard(0))?.epoch);
      return { claims: [{ kind: "release", shard: shard(0), epoch: 1 }, claim(2)] };
    });
    expect(seen).toEqual([1, 3]);
    expect((await b.state()).claims.get(shard(0))).toMatchObject({ epoch: 3, releasedEpoch: 0 });
  });
});
