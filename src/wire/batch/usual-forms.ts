/**
 * Decodes batch heads in the form that this program's encoder writes: gets, puts and deletes, and their outcomes when
 * they succeed. Decoding these with JSON.parse, object by object, took most of a batch's time. All other forms (scans,
 * pages, refusals, other encoders) and everything invalid are left to batch-fields.ts.
 */
import type { EntryFacts } from "../../core/entry.js";
import { jsonProblem, type JsonText } from "../../core/text/json-text.js";
import type { Key } from "../../core/key.js";
import {
  expiryMsMax,
  momentMsMax,
  nodeBatchOperationsMax,
  shardCountMax,
  ttlSecondsMax,
  valueBytesMax,
} from "../../core/limits.js";
import type { OperationExpiry, Operation, Outcome, RoutedOperation, OperationCondition } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import type { ValueReader } from "./batch-values.js";
import { HeadScanner } from "./head-scanner.js";

/** The operations of a request; null when the head has another form or is invalid. */
export function readUsualOperations(
  head: string,
  values: ValueReader,
  areValuesChecked: boolean,
): readonly RoutedOperation[] | null {
  const scanner = new HeadScanner(head);
  if (!scanner.skip('{"operations":[{')) return null;
  const operations: RoutedOperation[] = [];
  do {
    const routed = readOperation(scanner, values, areValuesChecked);
    if (routed === null || operations.length === nodeBatchOperationsMax) return null;
    operations.push(routed);
  } while (scanner.skip(",{"));
  return scanner.skip("]}") && scanner.isAtEnd && values.isAtEnd ? operations : null;
}

/** The outcomes of an answer to `operations`; null when the head has another form or is invalid. */
export function readUsualOutcomes(
  head: string,
  values: ValueReader,
  operations: readonly RoutedOperation[],
): readonly Outcome[] | null {
  const scanner = new HeadScanner(head);
  if (!scanner.skip('{"outcomes":[')) return null;
  const outcomes: Outcome[] = [];
  for (const { operation } of operations) {
    if (!scanner.skip(outcomes.length === 0 ? "{" : ",{")) return null;
    const outcome = readOutcome(scanner, values, operation);
    if (outcome === null) return null;
    outcomes.push(outcome);
  }
  return scanner.skip("]}") && scanner.isAtEnd && values.isAtEnd ? outcomes : null;
}

function readOperation(scanner: HeadScanner, values: ValueReader, areValuesChecked: boolean): RoutedOperation | null {
  const kind = readKind(scanner);
  const shard = kind === null ? -1 : scanner.wholeNumber();
  if (kind === null || shard < 0 || shard >= shardCountMax) return null;
  const epoch = scanner.skip(',"epoch":') ? scanner.wholeNumber() : null;
  const key = epoch !== -1 && scanner.skip(',"key":') ? scanner.key() : null;
  if (key === null) return null;
  const at = { shard: shard as ShardNumber, key };
  const operation = kind === "put" ? readPut(scanner, values, areValuesChecked, at) : readRest(scanner, kind, at);
  return operation === null || !scanner.skip("}") ? null : { operation, epoch };
}

function readKind(scanner: HeadScanner): "get" | "put" | "delete" | null {
  if (!scanner.skip('"op":"')) return null;
  if (scanner.skip('get","shard":')) return "get";
  if (scanner.skip('put","shard":')) return "put";
  return scanner.skip('delete","shard":') ? "delete" : null;
}

interface Place {
  readonly shard: ShardNumber;
  readonly key: Key;
}

function readRest(scanner: HeadScanner, kind: "get" | "delete", { shard, key }: Place): Operation | null {
  if (kind === "get") return { kind, shard, key };
  const condition = readCondition(scanner);
  return condition === undefined ? null : { kind, shard, key, condition };
}

function readPut(
  scanner: HeadScanner,
  values: ValueReader,
  areValuesChecked: boolean,
  { shard, key }: Place,
): Operation | null {
  const expiry = readExpiry(scanner);
  const condition = expiry === undefined ? undefined : readCondition(scanner);
  if (expiry === undefined || condition === undefined || !scanner.skip(',"valueBytes":')) return null;
  const value = readValue(values, scanner.wholeNumber(), areValuesChecked);
  return value === null ? null : { kind: "put", shard, key, value, expiry, condition };
}

/** Null when the value is invalid. */
function readValue(values: ValueReader, length: number, isChecked: boolean): JsonText | null {
  if (length < 1 || length > valueBytesMax || !values.has(length)) return null;
  const text = values.strictText(length);
  return text === null || (!isChecked && jsonProblem(text) !== null) ? null : (text as JsonText);
}

/** Undefined when the expiry is invalid, or when there are two. */
function readExpiry(scanner: HeadScanner): OperationExpiry | null | undefined {
  if (scanner.skip(',"ttlSeconds":')) {
    const seconds = scanner.wholeNumber();
    return seconds >= 1 && seconds <= ttlSecondsMax ? { kind: "ttl", seconds } : undefined;
  }
  if (!scanner.skip(',"expiresAt":')) return null;
  const atMs = scanner.wholeNumber();
  return atMs >= 0 && atMs <= expiryMsMax ? { kind: "at", atMs } : undefined;
}

/** Undefined when the condition is invalid, or when there are several. */
function readCondition(scanner: HeadScanner): OperationCondition | null | undefined {
  if (!scanner.skip(',"if')) return null;
  if (scanner.skip('Absent":true')) return { kind: "ifAbsent" };
  if (scanner.skip('Present":true')) return { kind: "ifPresent" };
  const version = scanner.skip('Version":') ? scanner.version() : null;
  return version === null ? undefined : { kind: "ifVersion", version };
}

function readOutcome(scanner: HeadScanner, values: ValueReader, operation: Operation): Outcome | null {
  if (!scanner.skip('"status":') || operation.kind === "scan") return null;
  const status = scanner.wholeNumber();
  if (status === 404) return operation.kind !== "put" && scanner.skip("}") ? { kind: "notFound" } : null;
  if (!scanner.skip(',"version":')) return null;
  const version = scanner.version();
  if (version === null) return null;
  if (status === 204) return operation.kind === "delete" && scanner.skip("}") ? { kind: "deleted", version } : null;
  const createdAtMs = readMoment(scanner, ',"createdAt":');
  const updatedAtMs = readMoment(scanner, ',"updatedAt":');
  const expiresAtMs = readMoment(scanner, ',"expiresAt":');
  if (createdAtMs == null || updatedAtMs == null || expiresAtMs === undefined) return null;
  if (operation.kind !== "get") {
    if (operation.kind !== "put" || (status !== 200 && status !== 201) || !scanner.skip("}")) return null;
    const facts: EntryFacts = { version, createdAtMs, updatedAtMs, expiresAtMs };
    return { kind: "written", isNew: status === 201, facts };
  }
  const length = status === 200 && scanner.skip(',"valueBytes":') ? scanner.wholeNumber() : -1;
  if (length < 0 || !values.has(length) || !scanner.skip("}")) return null;
  const value = values.text(length) as JsonText;
  return { kind: "found", entry: { key: operation.key, value, version, createdAtMs, updatedAtMs, expiresAtMs } };
}

/** Null when the item has no such moment. Undefined when it is not written as the encoder writes moments after 1970. */
function readMoment(scanner: HeadScanner, name: string): number | null | undefined {
  if (!scanner.skip(name)) return null;
  const atMs = scanner.wholeNumber();
  return atMs >= 0 && atMs <= momentMsMax ? atMs : undefined;
}
