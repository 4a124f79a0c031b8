/** Short ways to write down operations on one shard, for the conformance suite of storage engines. */
import { nodeBatchAnswerBytesMax } from "../../src/core/limits.js";
import type { Entry } from "../../src/core/entry.js";
import type { JsonText } from "../../src/core/json-text.js";
import { parseKey } from "../../src/core/key.js";
import type {
  DeleteOperation,
  GetOperation,
  Outcome,
  PageOutcome,
  PutOperation,
  ScanOperation,
} from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { Version } from "../../src/core/version.js";
import type { StorageEngine } from "../../src/storage/engine.js";

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

/** The entry under `key`, null when there is none. */
export async function find(engine: StorageEngine, key: string, atMs = nowMs, number = 0): Promise<Entry | null> {
  const [outcome] = await engine.read([get(key, number)], { ...noBudget, nowMs: atMs });
  return outcome?.kind === "found" ? outcome.entry : null;
}

export async function page(
  engine: StorageEngine,
  rest: Partial<ScanOperation> = {},
  budget: Partial<typeof noBudget> = {},
): Promise<PageOutcome> {
  const [outcome] = await engine.read([scan(rest)], { ...noBudget, ...budget });
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
  await engine.write(
    all.map((key) => put(key, JSON.stringify(`value of ${key}`), { shard: shard(number) })),
    nowMs,
  );
}
