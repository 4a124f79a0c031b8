/** Short forms of operations on one shard, for the conformance suite of storage engines. */
import { nodeBatchAnswerBytesMax } from "../../src/core/limits.js";
import type { JsonEntry } from "../../src/core/entry.js";
import type { JsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import type {
  DeleteOperation,
  GetOperation,
  Outcome,
  PageOutcome,
  PutOperation,
  ScanOperation,
  WriteOperation,
} from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { Version } from "../../src/core/version.js";
import type { ClaimChange, ReadBudget, StorageEngine } from "../../src/storage/engine.js";

export const nowMs = Date.parse("2026-01-31T12:00:00.000Z");
export const noBudget = { nowMs, answerBytesMax: Number.MAX_SAFE_INTEGER };

export function shard(number: number): ShardNumber {
  return number as ShardNumber;
}

export function version(text: string): Version {
  return text as Version;
}

export function get(key: string, number = 0): GetOperation {
  return { kind: "get", shard: shard(number), key: parseKey(key) };
}

export function put(key: string, value: string, rest: Partial<PutOperation> = {}): PutOperation {
  const plain = { shard: shard(0), expiry: null, condition: null };
  return { kind: "put", key: parseKey(key), value: value as JsonText, ...plain, ...rest };
}

export function remove(key: string, rest: Partial<DeleteOperation> = {}): DeleteOperation {
  return { kind: "delete", shard: shard(0), key: parseKey(key), condition: null, ...rest };
}

export function scan(rest: Partial<ScanOperation> = {}): ScanOperation {
  const all = {
    prefix: "",
    after: null,
    before: null,
    limit: 1000,
    bytesMax: nodeBatchAnswerBytesMax,
    isReverse: false,
  };
  return { kind: "scan", shard: shard(0), ...all, ...rest };
}

/** Every shard that the suite uses: an opened engine has claimed all of them at epoch 1. */
const claimed = [...Array.from({ length: 20 }, (_, number) => number), 255, 256, 257, 300, 4095];

export async function claimAll(engine: StorageEngine): Promise<void> {
  await engine.changeState(() => ({ claims: claimed.map((number) => claim(1, { shard: shard(number) })) }));
}

export function claim(epoch: number, rest: Partial<ClaimChange & { readonly kind: "claim" }> = {}): ClaimChange {
  return { kind: "claim", shard: shard(0), epoch, lineage: 0, sealedFor: null, ...rest };
}

export async function changeClaims(engine: StorageEngine, ...claims: readonly ClaimChange[]): Promise<void> {
  await engine.changeState(() => ({ claims }));
}

export function read(
  engine: StorageEngine,
  operations: readonly (GetOperation | ScanOperation)[],
  budget: ReadBudget,
  epoch: number | null = null,
): ReturnType<StorageEngine["read"]> {
  return engine.read(
    operations.map((operation) => ({ operation, epoch })),
    budget,
  );
}

export function write(
  engine: StorageEngine,
  operations: readonly WriteOperation[],
  atMs: number,
  epoch: number | null = null,
): ReturnType<StorageEngine["write"]> {
  return engine.write(
    operations.map((operation) => ({ operation, epoch })),
    atMs,
  );
}

/** Keys and bytes of the shards that were ever written. */
export async function figures(engine: StorageEngine, atMs: number): Promise<ReadonlyMap<ShardNumber, object>> {
  const written = [...(await engine.stats(atMs))].filter(([, { sequence }]) => sequence > 0);
  return new Map(written.map(([number, { keyCount, sizeBytes }]) => [number, { keyCount, sizeBytes }]));
}

/** The entry under `key`; null when there is none. */
export async function find(engine: StorageEngine, key: string, atMs = nowMs, number = 0): Promise<JsonEntry | null> {
  const [outcome] = await read(engine, [get(key, number)], { ...noBudget, nowMs: atMs });
  return outcome?.kind === "found" ? outcome.entry : null;
}

export async function page(
  engine: StorageEngine,
  rest: Partial<ScanOperation> = {},
  budget: Partial<typeof noBudget> = {},
): Promise<PageOutcome> {
  const [outcome] = await read(engine, [scan(rest)], { ...noBudget, ...budget });
  if (outcome?.kind !== "page") throw new Error(`A scan was answered with ${JSON.stringify(outcome)}.`);
  return outcome;
}

/** The page's keys, in its order. */
export async function keys(engine: StorageEngine, rest: Partial<ScanOperation> = {}): Promise<readonly string[]> {
  return keysOf(await page(engine, rest));
}

export function keysOf(outcome: Outcome | undefined): readonly string[] {
  return outcome?.kind === "page" ? outcome.entries.map(({ key }) => key) : [];
}

/** Puts every key with a value of its own. */
export async function fill(engine: StorageEngine, all: readonly string[], number = 0): Promise<void> {
  await write(
    engine,
    all.map((key) => put(key, JSON.stringify(`value of ${key}`), { shard: shard(number) })),
    nowMs,
  );
}
