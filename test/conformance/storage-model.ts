/**
 * Conformance of storage engines as properties: with any operations, claims and clocks, an engine answers as the
 * simplest one does; and a reader that follows the change feed from any cursor ends with the live state, or with a gap.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonText } from "../../src/core/text/json-text.js";
import type { Key } from "../../src/core/key.js";
import { nodeBatchAnswerBytesMax, tombstoneAgeMsMax } from "../../src/core/limits.js";
import type { OperationExpiry, ScanOperation, OperationCondition, WriteOperation } from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { ChangesCursor, ClaimChange, StorageEngine } from "../../src/storage/engine.js";
import type { OpenedEngine } from "./storage-engine.js";
import { claim, get, noBudget, nowMs, shard, version } from "./storage-operations.js";
import { ReferenceEngine } from "./storage-reference.js";

const keyTexts = ["a", "aa", "ab", "b", "é", "\uffee", "\u{10000}", "🦊", "🦊a", "\ufffd"] as const;
const shards = [0, 1, 255, 256].map(shard);
const keyOf = fc.constantFrom(...keyTexts).map((text) => text as Key);
const shardOf = fc.constantFrom(...shards);
const condition: fc.Arbitrary<OperationCondition | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.constant<OperationCondition>({ kind: "ifAbsent" }),
  fc.constant<OperationCondition>({ kind: "ifPresent" }),
  fc.nat(12).map<OperationCondition>((number) => ({ kind: "ifVersion", version: version(String(number)) })),
);
const expiry: fc.Arbitrary<OperationExpiry | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.nat(4).map<OperationExpiry>((seconds) => ({ kind: "ttl", seconds: seconds + 1 })),
  fc.integer({ min: -2, max: 5 }).map<OperationExpiry>((seconds) => ({ kind: "at", atMs: nowMs + seconds * 1000 })),
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
/** Mostly the epoch of the claim, whatever that is. */
const epochs = fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.integer({ min: 1, max: 4 }));
const claims: fc.Arbitrary<ClaimChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      shard: shardOf,
      epoch: fc.integer({ min: 1, max: 4 }),
      lineage: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(2)),
      sealedFor: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.constant("move-1")),
    }),
  },
  fc.record({ kind: fc.constant("release" as const), shard: shardOf, epoch: fc.integer({ min: 1, max: 4 }) }),
);
const waits = fc.oneof(
  { weight: 4, arbitrary: fc.nat(2500) },
  fc.integer({ min: -4000, max: -1 }),
  fc.constant(tombstoneAgeMsMax),
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      writes: fc.array(write, { maxLength: 8 }),
      epoch: epochs,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      scans: fc.array(scans, { maxLength: 3 }),
      epoch: epochs,
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
  { weight: 2, arbitrary: waits.map((byMs) => ({ kind: "wait" as const, byMs })) },
  { weight: 1, arbitrary: fc.array(claims, { maxLength: 3 }).map((claims) => ({ kind: "claim" as const, claims })) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("follow" as const),
      shard: shardOf,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function describeModel(name: string, open: () => Promise<OpenedEngine>): void {
  describe(`${name}, compared with the simplest engine`, () => {
    it(
      "answers reads, writes, scans, claims, sweeps and change feeds in the same way",
      { timeout: 120_000 },
      async () => {
        const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const opened = await open();
          const comparison = new Comparison(opened);
          try {
            await comparison.claim(shards.map((number) => claim(1, { shard: number })));
            for (const step of steps) await comparison.take(step);
            await comparison.take({ kind: "read", scans: [], epoch: null });
            for (const number of shards) await comparison.follow(number, 1000);
          } finally {
            await comparison.engine.close();
          }
        });
        await fc.assert(property, { numRuns: 150 });
      },
    );
  });
}

/** A reader of one shard's feed. */
interface Reader {
  cursor: ChangesCursor | null;
  readonly entries: Map<string, string>;
}

class Comparison {
  engine: StorageEngine;
  readonly #reopen: OpenedEngine["reopen"];
  readonly #reference = new ReferenceEngine();
  readonly #readers = new Map<ShardNumber, Reader>();
  #atMs = nowMs;

  constructor({ engine, reopen }: OpenedEngine) {
    this.engine = engine;
    this.#reopen = reopen;
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "wait") this.#atMs += step.byMs;
    if (step.kind === "reopen" && this.#reopen !== undefined) this.engine = await this.#reopen();
    if (step.kind === "sweep") {
      expect((await this.engine.sweep(this.#atMs, 1000)).expired).toBe(this.#reference.sweep(this.#atMs));
    }
    if (step.kind === "claim") await this.claim(step.claims);
    if (step.kind === "follow") await this.follow(step.shard, step.limit);
    if (step.kind === "write") {
      const writes = step.writes.map((operation) => ({ operation, epoch: step.epoch }));
      const expected = writes.map((write) => this.#reference.write(write, this.#atMs));
      expect((await this.engine.write(writes, this.#atMs)).map(outcomeOrCode)).toEqual(expected);
    }
    if (step.kind === "read") await this.#read(step.scans, step.epoch);
  }

  async claim(claims: readonly ClaimChange[]): Promise<void> {
    for (const change of claims) this.#reference.change(change);
    const state = await this.engine.changeState(() => ({ claims }));
    expect(new Map(state.claims)).toEqual(this.#reference.claims());
  }

  /** Reads one more page for a reader, which begins anew after a gap. */
  async follow(number: ShardNumber, limit: number): Promise<void> {
    const reader = this.#readers.get(number) ?? { cursor: null, entries: new Map<string, string>() };
    this.#readers.set(number, reader);
    const request = { shard: number, epoch: null, cursor: reader.cursor, limit, bytesMax: nodeBatchAnswerBytesMax };
    const outcome = await this.engine.changes(request);
    expect(outcome.kind === "refused" ? outcome.code : outcome).toEqual(this.#reference.changes(request));
    if (outcome.kind === "gap") this.#readers.delete(number);
    if (outcome.kind !== "changes") return;
    for (const change of outcome.changes) {
      if (change.kind === "put") reader.entries.set(change.entry.key, change.entry.version ?? "");
      else reader.entries.delete(change.key);
    }
    reader.cursor = outcome.cursor;
    if (outcome.hasMore) return;
    const live = this.#reference.shard(number).entries.map(({ key, version }) => [key, version] as const);
    expect(reader.entries).toEqual(new Map(live));
  }

  async #read(scans: readonly ScanOperation[], epoch: number | null): Promise<void> {
    const budget = { ...noBudget, nowMs: this.#atMs };
    const gets = keyTexts.map((key) => ({ operation: get(key, 1), epoch }));
    const pages = scans.map((operation) => ({ operation, epoch }));
    const outcomes = await this.engine.read([...gets, ...pages], budget);
    // All are judged by the clock of the call, and by the mark as it was before.
    const expected = [
      ...gets.map((read) => this.#reference.get(read, this.#atMs)),
      ...pages.map((read) => this.#reference.scan(read, this.#atMs)),
    ];
    expect(outcomes.map(outcomeOrCode)).toEqual(expected);
    const figures = [...(await this.engine.stats(this.#atMs))].map(([number, { digest, ...rest }]) => {
      expect(digest).toMatch(/^[0-9a-f]{16}$/);
      return [number, rest] as const;
    });
    expect(new Map(figures)).toEqual(this.#reference.figures(this.#atMs));
  }
}

function outcomeOrCode<Outcome extends { readonly kind: string }>(outcome: Outcome): unknown {
  return "code" in outcome ? outcome.code : outcome;
}
