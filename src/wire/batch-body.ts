/**
 * The bodies of `POST /batch`: one line of JSON (the head), a newline, then the bytes of all values one after another,
 * in the order in which the head counts them in `valueBytes`. Values are never escaped, parsed or copied into the head,
 * so that they arrive as they were written and cost nothing but their length.
 *
 * Request head: `{"operations":[{"op":"get","shard":2,"epoch":3,"key":"user123"}, …]}`.
 * Answer head: `{"outcomes":[{"status":200,"version":"7","createdAt":…,"updatedAt":…,"valueBytes":12}, …]}`, times in
 * milliseconds since 1970.
 */
import type { Entry, EntryFacts } from "../core/entry.js";
import { isErrorCode, ShardgateError, unreachable } from "../core/error.js";
import { jsonFault } from "../core/json-fault.js";
import { parseJsonBytes, type JsonText } from "../core/json-text.js";
import { parseKey, type Key } from "../core/key.js";
import {
  expiryMsMax,
  momentMsMax,
  nodeBatchAnswerBytesMax,
  nodeBatchOperationsMax,
  pageEntriesMax,
  ttlSecondsMax,
} from "../core/limits.js";
import type {
  Expiry,
  Operation,
  Outcome,
  PageOutcome,
  RoutedOperation,
  ScanOperation,
  WriteCondition,
} from "../core/operation.js";
import { parseShard } from "../core/shard.js";
import { parseVersion, type Version } from "../core/version.js";
import { malformed, newline, ValueReader, ValueWriter } from "./batch-values.js";
import { pageProblem } from "./scan-page.js";

/** The request body for `operations`. */
export function encodeBatchRequest(operations: readonly RoutedOperation[]): Buffer {
  const values = new ValueWriter();
  const head = operations.map(({ operation, epoch }) => operationHead(operation, epoch, values));
  return values.behind(JSON.stringify({ operations: head }));
}

/**
 * The operations of a request body, each one or the error that it alone gets.
 * Throws BAD_REQUEST when the body as a whole cannot be read, and TOO_MANY_KEYS.
 */
export function decodeBatchRequest(body: Buffer): readonly (RoutedOperation | ShardgateError)[] {
  const { head, values } = splitBody(body);
  const operations = listIn(head, "operations");
  if (operations.length > nodeBatchOperationsMax) {
    throw new ShardgateError(
      "TOO_MANY_KEYS",
      `The batch has ${operations.length} operations; at most ${nodeBatchOperationsMax} are allowed.`,
    );
  }
  const reader = new ValueReader(values, 0);
  const decoded = operations.map((item) => {
    const fields = recordOf(item);
    // The value is taken first, also for an operation that is refused: its neighbours' values lie behind it.
    const bytes = fields["op"] === "put" ? reader.bytes(fields["valueBytes"]) : null;
    try {
      return { operation: operationOf(fields, bytes), epoch: epochOf(fields["epoch"]) };
    } catch (error) {
      if (error instanceof ShardgateError) return error;
      throw error;
    }
  });
  reader.end();
  return decoded;
}

/** The answer body for `outcomes`. */
export function encodeBatchAnswer(outcomes: readonly Outcome[]): Buffer {
  const values = new ValueWriter();
  const head = outcomes.map((outcome) => outcomeHead(outcome, values));
  return values.behind(JSON.stringify({ outcomes: head }));
}

/**
 * The outcomes of an answer to `operations`, in their order: position alone says whose an outcome is. Throws a BAD_REQUEST
 * error, which the caller turns into what it means for the operation, when the answer cannot be read, has another count,
 * or an outcome does not fit its operation.
 */
export function decodeBatchAnswer(body: Buffer, operations: readonly RoutedOperation[]): readonly Outcome[] {
  const { head, values } = splitBody(body);
  const outcomes = listIn(head, "outcomes");
  if (outcomes.length !== operations.length) {
    throw malformed(`${outcomes.length} outcomes answer ${operations.length} operations`);
  }
  const reader = new ValueReader(values, outcomes.length);
  const decoded = operations.map(({ operation }, index) => outcomeOf(recordOf(outcomes[index]), operation, reader));
  reader.end();
  return decoded;
}

type Fields = Readonly<Record<string, unknown>>;

/** Members that are undefined are left out by JSON.stringify; leaving them out here, by spreading, takes far longer. */
function operationHead(operation: Operation, knownEpoch: number | null, values: ValueWriter): Fields {
  const { kind: op, shard } = operation;
  const epoch = knownEpoch ?? undefined;
  switch (operation.kind) {
    case "get":
      return { op, shard, epoch, key: operation.key };
    case "put": {
      const { key, value, expiry } = operation;
      const ttlSeconds = expiry?.kind === "ttl" ? expiry.seconds : undefined;
      const expiresAt = expiry?.kind === "at" ? expiry.atMs : undefined;
      const { ifVersion, ifAbsent, ifPresent } = conditionFields(operation.condition);
      const valueBytes = values.add(value);
      return { op, shard, epoch, key, ttlSeconds, expiresAt, ifVersion, ifAbsent, ifPresent, valueBytes };
    }
    case "delete":
      return { op, shard, epoch, key: operation.key, ...conditionFields(operation.condition) };
    case "scan": {
      const { prefix, after, before, limit, bytesMax, isReverse } = operation;
      return { op, shard, epoch, prefix, after, before, limit, bytesMax, isReverse };
    }
    default:
      return unreachable(operation);
  }
}

function operationOf(fields: Fields, bytes: Buffer | null): Operation {
  const shard = parseShard(fields["shard"]);
  switch (fields["op"]) {
    case "get":
      return { kind: "get", shard, key: keyOf(fields["key"]) };
    case "put":
      return {
        kind: "put",
        shard,
        key: keyOf(fields["key"]),
        value: parseJsonBytes(bytes ?? Buffer.alloc(0)),
        expiry: expiryOf(fields),
        condition: conditionOf(fields),
      };
    case "delete":
      return { kind: "delete", shard, key: keyOf(fields["key"]), condition: conditionOf(fields) };
    case "scan":
      return {
        kind: "scan",
        shard,
        prefix: textOf(fields["prefix"] ?? "", "prefix"),
        after: textOrNull(fields["after"], "after"),
        before: textOrNull(fields["before"], "before"),
        limit: wholeFrom1("limit", fields["limit"], pageEntriesMax),
        bytesMax: wholeFrom1("bytesMax", fields["bytesMax"] ?? nodeBatchAnswerBytesMax, nodeBatchAnswerBytesMax),
        isReverse: fields["isReverse"] === true,
      };
    default:
      throw new ShardgateError("BAD_REQUEST", `Operation ${JSON.stringify(fields["op"])} is unknown.`);
  }
}

function outcomeHead(outcome: Outcome, values: ValueWriter): Fields {
  switch (outcome.kind) {
    case "found":
      return entryFields(200, outcome.entry, values);
    case "notFound":
      return { status: 404 };
    case "written":
      return factsFields(outcome.isNew ? 201 : 200, outcome.facts);
    case "deleted":
      return { status: 204, version: outcome.version };
    case "conflict":
      return outcome.current === null ? { status: 412 } : entryFields(412, outcome.current, values);
    case "page":
      return {
        status: 200,
        hasMore: outcome.hasMore,
        entries: outcome.entries.map((entry) => ({ key: entry.key, ...entryFields(undefined, entry, values) })),
      };
    case "refused":
      return { status: 0, code: outcome.code, detail: outcome.message, epoch: outcome.epoch };
    default:
      return unreachable(outcome);
  }
}

function outcomeOf(fields: Fields, operation: Operation, reader: ValueReader): Outcome {
  const { code, status } = fields;
  if (code !== undefined) {
    if (!isErrorCode(code)) throw malformed(`code ${JSON.stringify(code)} is unknown`);
    const message = typeof fields["detail"] === "string" ? fields["detail"] : code;
    return { kind: "refused", code, message, epoch: epochOf(fields["epoch"]) };
  }
  if (operation.kind === "scan") {
    if (status === 200) return pageOf(fields, operation, reader);
  } else if (status === 404 && operation.kind !== "put") {
    return { kind: "notFound" };
  } else if (status === 200 && operation.kind === "get") {
    return { kind: "found", entry: entryOf(operation.key, fields, reader) };
  } else if ((status === 200 || status === 201) && operation.kind === "put") {
    return { kind: "written", isNew: status === 201, facts: factsOf(fields) };
  } else if (status === 204 && operation.kind === "delete") {
    return { kind: "deleted", version: versionOrNull(fields["version"]) };
  } else if (status === 412 && operation.kind !== "get") {
    const isThere = fields["valueBytes"] !== undefined;
    return { kind: "conflict", current: isThere ? entryOf(operation.key, fields, reader) : null };
  }
  throw malformed(`status ${JSON.stringify(status)} does not answer a ${operation.kind}`);
}

function pageOf(fields: Fields, operation: ScanOperation, reader: ValueReader): Outcome {
  const entries = listIn(fields, "entries").map((item) => {
    const entry = recordOf(item);
    return entryOf(keyOf(entry["key"]), entry, reader);
  });
  const page: PageOutcome = { kind: "page", entries, hasMore: fields["hasMore"] === true };
  const problem = pageProblem(page, operation);
  if (problem !== null) throw malformed(`a page has ${problem}`);
  return page;
}

function entryFields(status: number | undefined, entry: Entry, values: ValueWriter): Fields {
  return factsFields(status, entry, values.add(entry.value));
}

function entryOf(key: Key, fields: Fields, reader: ValueReader): Entry {
  // A node of ours checked the value when it was written; a check of each read would cost more than the read.
  const value = reader.text(fields["valueBytes"]) as JsonText;
  const { version, createdAtMs, updatedAtMs, expiresAtMs } = factsOf(fields);
  return { key, value, version, createdAtMs, updatedAtMs, expiresAtMs };
}

function factsFields(status: number | undefined, facts: EntryFacts, valueBytes?: number): Fields {
  const { version, createdAtMs: createdAt, updatedAtMs: updatedAt, expiresAtMs } = facts;
  return { status, version, createdAt, updatedAt, expiresAt: expiresAtMs ?? undefined, valueBytes };
}

function factsOf(fields: Fields): EntryFacts {
  return {
    version: versionOrNull(fields["version"]),
    createdAtMs: momentOrNull(fields["createdAt"], "createdAt"),
    updatedAtMs: momentOrNull(fields["updatedAt"], "updatedAt"),
    expiresAtMs: momentOrNull(fields["expiresAt"], "expiresAt"),
  };
}

interface ConditionFields {
  readonly ifVersion?: Version;
  readonly ifAbsent?: true;
  readonly ifPresent?: true;
}

const noCondition: ConditionFields = {};

function conditionFields(condition: WriteCondition | null): ConditionFields {
  if (condition === null) return noCondition;
  return condition.kind === "ifVersion" ? { ifVersion: condition.version } : { [condition.kind]: true };
}

/** What is no condition of ours is refused: a write must not happen because its condition was not understood. */
function conditionOf(fields: Fields): WriteCondition | null {
  const { ifVersion } = fields;
  const conditions: WriteCondition[] = [];
  if (ifVersion !== undefined) {
    conditions.push({ kind: "ifVersion", version: parseVersion(textOf(ifVersion, "ifVersion")) });
  }
  for (const kind of ["ifAbsent", "ifPresent"] as const) if (isSet(fields[kind], kind)) conditions.push({ kind });
  const [condition = null, ...others] = conditions;
  if (others.length === 0) return condition;
  throw new ShardgateError("BAD_REQUEST", "A write takes one condition.");
}

function isSet(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new ShardgateError("BAD_REQUEST", `\`${name}\` is neither true nor false.`);
}

function expiryOf(fields: Fields): Expiry | null {
  const { ttlSeconds, expiresAt } = fields;
  if (ttlSeconds !== undefined) {
    if (!Number.isSafeInteger(ttlSeconds) || (ttlSeconds as number) < 1 || (ttlSeconds as number) > ttlSecondsMax) {
      throw new ShardgateError(
        "BAD_REQUEST",
        `ttlSeconds ${JSON.stringify(ttlSeconds)} is not a whole number from 1 to ${ttlSecondsMax}.`,
      );
    }
    return { kind: "ttl", seconds: ttlSeconds as number };
  }
  const atMs = momentOrNull(expiresAt, "expiresAt");
  if (atMs === null) return null;
  if (atMs <= expiryMsMax) return { kind: "at", atMs };
  throw new ShardgateError("BAD_REQUEST", `expiresAt ${atMs} lies beyond the year 9999 (${expiryMsMax}).`);
}

function splitBody(body: Buffer): { readonly head: Fields; readonly values: Buffer } {
  const end = body.indexOf(newline);
  if (end < 0) throw malformed("no newline ends the head");
  const text = body.toString("utf8", 0, end);
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    throw malformed(`the head is not JSON: ${jsonFault(text)}`);
  }
  return { head: recordOf(head), values: body.subarray(end + 1) };
}

function listIn(fields: Fields, name: string): readonly unknown[] {
  const list = fields[name];
  if (!Array.isArray(list)) throw malformed(`\`${name}\` is not an array`);
  return list;
}

function recordOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("an object is missing");
  return value as Fields;
}

function keyOf(value: unknown): Key {
  return parseKey(textOf(value, "key"));
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string") throw new ShardgateError("BAD_REQUEST", `\`${name}\` is not a string.`);
  return value;
}

function textOrNull(value: unknown, name: string): string | null {
  return value === undefined || value === null ? null : textOf(value, name);
}

function versionOrNull(value: unknown): Version | null {
  return value === undefined || value === null ? null : parseVersion(textOf(value, "version"));
}

function momentOrNull(value: unknown, name: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isSafeInteger(value) && Math.abs(value) <= momentMsMax) return value;
  throw new ShardgateError("BAD_REQUEST", `\`${name}\` is not a moment in milliseconds since 1970.`);
}

function epochOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ShardgateError("BAD_REQUEST", `Epoch ${JSON.stringify(value)} is not a whole number.`);
}

function wholeFrom1(name: string, value: unknown, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ShardgateError("BAD_REQUEST", `${name} ${JSON.stringify(value)} is not a whole number from 1 to ${max}.`);
}
