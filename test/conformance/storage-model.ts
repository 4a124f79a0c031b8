/**
 * Conformance of storage engines as a property: whatever the operations and the clock, an engine answers as the simplest
 * model does, a list that is filtered and sorted anew for every question.
 */
import { nodeBatchAnswerBytesMax } from "../../src/core/limits.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/core/entry.js";
import type { JsonText } from "../../src/core/json-text.js";
import type { Key } from "../../src/core/key.js";
import type {
  Expiry,
  Outcome,
  ScanOperation,
  WriteCondition,
  WriteOperation,
  WriteOutcome,
} from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { OpenedEngine } from "./storage-engine.js";
import { get, noBudget, nowMs, shard, version } from "./storage-operations.js";

interface Row {
  readonly shard: ShardNumber;
  readonly entry: Entry;
}

class Model {
  #rows: readonly Row[] = [];
  readonly #sequences = new Map<ShardNumber, number>();

  write(operation: WriteOperation, atMs: number): WriteOutcome {
    const current = this.#live(atMs).find((row) => isAt(row, operation))?.entry ?? null;
    const { condition } = operation;
    const isHeld =
      condition === null ||
      (condition.kind === "ifAbsent" && current === null) ||
      (condition.kind === "ifPresent" && current !== null) ||
      (condition.kind === "ifVersion" && current?.version === condition.version);
    if (!isHeld) return { kind: "conflict", current };
    if (operation.kind === "delete" && current === null) return { kind: "notFound" };
    const sequence = (this.#sequences.get(operation.shard) ?? 0) + 1;
    this.#sequences.set(operation.shard, sequence);
    this.#rows = this.#rows.filter((row) => !isAt(row, operation));
    if (operation.kind === "delete") return { kind: "deleted", version: current?.version ?? null };
    const facts = {
      version: version(String(sequence)),
      createdAtMs: current?.createdAtMs ?? atMs,
      updatedAtMs: atMs,
      expiresAtMs: momentOf(operation.expiry, atMs),
    };
    const { key, value } = operation;
    this.#rows = [...this.#rows, { shard: operation.shard, entry: { key, value, ...facts } }];
    return { kind: "written", isNew: current === null, facts };
  }

  get(number: ShardNumber, key: Key, atMs: number): Outcome {
    const row = this.#live(atMs).find((row) => isAt(row, { shard: number, key }));
    return row === undefined ? { kind: "notFound" } : { kind: "found", entry: row.entry };
  }

  scan(operation: ScanOperation, atMs: number): Outcome {
    const { prefix, after, before, limit, isReverse } = operation;
    const matching = this.#live(atMs)
      .filter((row) => row.shard === operation.shard)
      .map(({ entry }) => entry)
      .filter(({ key }) => bytes(key).subarray(0, bytes(prefix).length).equals(bytes(prefix)))
      .filter(({ key }) => after === null || Buffer.compare(bytes(key), bytes(after)) > 0)
      .filter(({ key }) => before === null || Buffer.compare(bytes(key), bytes(before)) < 0)
      .toSorted((a, b) => (isReverse ? -1 : 1) * Buffer.compare(bytes(a.key), bytes(b.key)));
    return { kind: "page", entries: matching.slice(0, limit), hasMore: matching.length > limit };
  }

  sweep(atMs: number): number {
    const before = this.#rows.length;
    this.#rows = this.#live(atMs);
    return before - this.#rows.length;
  }

  stats(atMs: number): ReadonlyMap<ShardNumber, { readonly keyCount: number; readonly sizeBytes: number }> {
    return new Map(
      [...this.#sequences.keys()].map((number) => {
        const entries = this.#live(atMs).filter((row) => row.shard === number);
        const sizeBytes = entries.reduce((sum, { entry }) => sum + bytes(entry.key + entry.value).length, 0);
        return [number, { keyCount: entries.length, sizeBytes }];
      }),
    );
  }

  #live(atMs: number): readonly Row[] {
    return this.#rows.filter(({ entry }) => entry.expiresAtMs === null || atMs < entry.expiresAtMs);
  }
}

function isAt(row: Row, place: { readonly shard: ShardNumber; readonly key: Key }): boolean {
  return row.shard === place.shard && row.entry.key === place.key;
}

function momentOf(expiry: Expiry | null, atMs: number): number | null {
  if (expiry === null) return null;
  return expiry.kind === "at" ? expiry.atMs : atMs + expiry.seconds * 1000;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

const keyTexts = ["a", "aa", "ab", "b", "é", "\uffee", "\u{10000}", "🦊", "🦊a", "\ufffd"] as const;
const keyOf = fc.constantFrom(...keyTexts).map((text) => text as Key);
const shardOf = fc.constantFrom(0, 1, 255, 256).map(shard);
const condition: fc.Arbitrary<WriteCondition | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.constant<WriteCondition>({ kind: "ifAbsent" }),
  fc.constant<WriteCondition>({ kind: "ifPresent" }),
  fc.nat(12).map<WriteCondition>((number) => ({ kind: "ifVersion", version: version(String(number)) })),
);
const expiry: fc.Arbitrary<Expiry | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.nat(4).map<Expiry>((seconds) => ({ kind: "ttl", seconds: seconds + 1 })),
  fc.integer({ min: -2, max: 5 }).map<Expiry>((seconds) => ({ kind: "at", atMs: nowMs + seconds * 1000 })),
);
const write: fc.Arbitrary<WriteOperation> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    shard: shardOf,
    key: keyOf,
    value: fc.json({ maxDepth: 1 }).map((text) => text as JsonText),
    expiry,
    condition,
  }),
  fc.record({ kind: fc.constant("delete" as const), shard: shardOf, key: keyOf, condition }),
);
const bound = fc.oneof(fc.constantFrom("", ...keyTexts), fc.string({ maxLength: 3, unit: "binary" }));
const scans: fc.Arbitrary<ScanOperation> = fc.record({
  kind: fc.constant("scan" as const),
  shard: shardOf,
  prefix: fc.oneof(fc.constant(""), bound),
  after: fc.option(bound),
  before: fc.option(bound),
  limit: fc.integer({ min: 1, max: 6 }),
  bytesMax: fc.constant(nodeBatchAnswerBytesMax),
  isReverse: fc.boolean(),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(write, { maxLength: 8 }).map((writes) => ({ kind: "write" as const, writes })) },
  { weight: 3, arbitrary: fc.array(scans, { maxLength: 3 }).map((scans) => ({ kind: "read" as const, scans })) },
  { weight: 1, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
  { weight: 1, arbitrary: fc.nat(2500).map((byMs) => ({ kind: "wait" as const, byMs })) },
);

export function describeModel(name: string, open: () => Promise<OpenedEngine>): void {
  describe(`${name}, under any operations`, () => {
    it("answers as a plain list would", async () => {
      const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const opened = await open();
        let engine = opened.engine;
        const model = new Model();
        let atMs = nowMs;
        for (const step of [...steps, { kind: "read" as const, scans: [] }]) {
          const budget = { ...noBudget, nowMs: atMs };
          if (step.kind === "wait") atMs += step.byMs;
          if (step.kind === "reopen" && opened.reopen !== undefined) engine = await opened.reopen();
          if (step.kind === "sweep") expect(await engine.sweep(atMs, 1000)).toBe(model.sweep(atMs));
          if (step.kind === "write") {
            const expected = step.writes.map((operation) => model.write(operation, atMs));
            expect(await engine.write(step.writes, atMs)).toEqual(expected);
          }
          if (step.kind !== "read") continue;
          const gets = keyTexts.map((key) => get(key, 1));
          const outcomes = await engine.read([...gets, ...step.scans], budget);
          const expected = [
            ...gets.map(({ shard, key }) => model.get(shard, key, atMs)),
            ...step.scans.map((operation) => model.scan(operation, atMs)),
          ];
          expect(outcomes).toEqual(expected);
          expect(await engine.stats(atMs)).toEqual(model.stats(atMs));
        }
        await engine.close();
      });
      await fc.assert(property, { numRuns: 150 });
    });
  });
}
