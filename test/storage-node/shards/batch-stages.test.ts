import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchStages } from "../../../src/storage-node/shards/batch-stages.js";
import { get, put, remove, scan } from "../operations.js";

describe("batchStages", () => {
  it("returns no stages for no operations", () => {
    expect(batchStages([])).toEqual([]);
  });

  it("runs independent reads and writes in one stage", () => {
    expect(batchStages([get("a"), put("b", "1"), get("c"), remove("d")])).toEqual([{ reads: [0, 2], writes: [1, 3] }]);
  });

  it("lets a get after a put of its key see the put", () => {
    expect(batchStages([put("a", "1"), get("a"), get("b")])).toEqual([
      { reads: [2], writes: [0] },
      { reads: [1], writes: [] },
    ]);
  });

  it("keeps a get before a later put of its key", () => {
    expect(batchStages([put("a", "1"), get("a"), put("a", "2"), get("a")])).toEqual([
      { reads: [], writes: [0] },
      { reads: [1], writes: [2] },
      { reads: [3], writes: [] },
    ]);
  });

  it("keeps writes of one key in one group, in order", () => {
    expect(batchStages([put("a", "1"), put("a", "2"), remove("a")])).toEqual([{ reads: [], writes: [0, 1, 2] }]);
  });

  it("keeps a scan between the writes of its shard, without regard to other shards", () => {
    const batch = [put("a", "1"), scan(), put("b", "2"), put("c", "3", { shard: 3 }), scan({ shard: 1 })];
    expect(batchStages(batch)).toEqual([
      { reads: [4], writes: [0, 3] },
      { reads: [1], writes: [2] },
    ]);
  });

  it("treats one key in two shards as two keys", () => {
    expect(batchStages([put("a", "1"), get("a", null, 3)])).toEqual([{ reads: [1], writes: [0] }]);
  });

  it("is not confused by a key that looks like an internal scope", () => {
    expect(batchStages([put("1/a", "1", { shard: 1 }), get("a", null, 1), scan({ shard: 11 })])).toEqual([
      { reads: [1, 2], writes: [0] },
    ]);
  });

  it("gives every read the same result as running the operations one after the other", () => {
    const operation = fc.record({
      kind: fc.constantFrom("get", "put", "scan"),
      key: fc.constantFrom("a", "b", "c"),
      shard: fc.constantFrom(1, 2),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (shapes) => {
        const batch = shapes.map(({ kind, key, shard }, index) => {
          if (kind === "put") return put(key, `${index}`, { shard });
          return kind === "get" ? get(key, null, shard) : scan({ shard });
        });
        const order = batchStages(batch).flatMap(({ reads, writes }) => [...reads, ...writes]);
        expect(order.toSorted((a, b) => a - b)).toEqual(batch.map((_, index) => index));
        expect(seen(shapes, order)).toEqual(seen(shapes, [...batch.keys()]));
      }),
    );
  });
});

interface Shape {
  readonly kind: "get" | "put" | "scan";
  readonly key: string;
  readonly shard: number;
}

/** The result of each read when the operations run in `order`; a put writes its own index. */
function seen(shapes: readonly Shape[], order: readonly number[]): ReadonlyMap<number, unknown> {
  const state = new Map<string, number>();
  const answers = new Map<number, unknown>();
  for (const index of order) {
    const shape = shapes[index];
    if (shape === undefined) continue;
    const { kind, key, shard } = shape;
    if (kind === "put") state.set(`${shard}${key}`, index);
    else if (kind === "get") answers.set(index, state.get(`${shard}${key}`));
    else answers.set(index, JSON.stringify([...state].filter(([name]) => name.startsWith(`${shard}`)).toSorted()));
  }
  return answers;
}
