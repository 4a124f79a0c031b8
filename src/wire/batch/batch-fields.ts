/**
 * Decodes the items of a batch's head, in any form, from the objects that JSON.parse returns. usual-forms.ts decodes
 * the usual forms faster, and must give the same results.
 */
import type { JsonEntry, EntryFacts } from "../../core/entry.js";
import { isErrorCode, ShardgateError } from "../../core/error.js";
import { parseJsonText, type JsonText } from "../../core/text/json-text.js";
import { parseKey, utf8Bytes, type Key } from "../../core/key.js";
import {
  expiryMsMax,
  momentMsMax,
  nodeBatchAnswerBytesMax,
  pageEntriesMax,
  ttlSecondsMax,
  valueBytesMax,
} from "../../core/limits.js";
import type {
  OperationExpiry,
  Operation,
  Outcome,
  PageOutcome,
  RoutedOperation,
  ScanOperation,
  OperationCondition,
} from "../../core/operation.js";
import { parseShard } from "../../core/shard.js";
import { parseVersion, type Version } from "../../core/version.js";
import { malformed, type ValueReader } from "./batch-values.js";
import { pageProblem } from "../scan-page.js";

export type ItemFields = Readonly<Record<string, unknown>>;

/** The operation in one item of a request. `value`: of a put; null when it is not UTF-8. */
export function operationOf(fields: ItemFields, value: string | null, isValueChecked: boolean): RoutedOperation {
  return { operation: bareOperationOf(fields, value, isValueChecked), epoch: epochOf(fields["epoch"]) };
}

function bareOperationOf(fields: ItemFields, value: string | null, isValueChecked: boolean): Operation {
  const shard = parseShard(fields["shard"]);
  switch (fields["op"]) {
    case "get":
      return { kind: "get", shard, key: keyOf(fields["key"]) };
    case "put":
      return {
        kind: "put",
        shard,
        key: keyOf(fields["key"]),
        value: valueOf(value, isValueChecked),
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

function valueOf(text: string | null, isChecked: boolean): JsonText {
  if (text === null) throw new ShardgateError("INVALID_VALUE", "The value is not valid UTF-8.");
  const isTrusted = isChecked && text !== "" && utf8Bytes(text) <= valueBytesMax;
  return isTrusted ? (text as JsonText) : parseJsonText(text);
}

/** The outcome of `operation` in one item of an answer. Takes its values from `reader`. */
export function outcomeOf(fields: ItemFields, operation: Operation, reader: ValueReader): Outcome {
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

function pageOf(fields: ItemFields, operation: ScanOperation, reader: ValueReader): Outcome {
  const entries = listIn(fields, "entries").map((item) => {
    const entry = recordOf(item);
    return entryOf(keyOf(entry["key"]), entry, reader);
  });
  const page: PageOutcome = { kind: "page", entries, hasMore: fields["hasMore"] === true };
  const problem = pageProblem(page, operation);
  if (problem !== null) throw malformed(`a page has ${problem}`);
  return page;
}

function entryOf(key: Key, fields: ItemFields, reader: ValueReader): JsonEntry {
  // The storage node checked the value when it was written; checking it at each read would cost more than the read.
  const value = reader.text(fields["valueBytes"]) as JsonText;
  const { version, createdAtMs, updatedAtMs, expiresAtMs } = factsOf(fields);
  return { key, value, version, createdAtMs, updatedAtMs, expiresAtMs };
}

function factsOf(fields: ItemFields): EntryFacts {
  return {
    version: versionOrNull(fields["version"]),
    createdAtMs: momentOrNull(fields["createdAt"], "createdAt"),
    updatedAtMs: momentOrNull(fields["updatedAt"], "updatedAt"),
    expiresAtMs: momentOrNull(fields["expiresAt"], "expiresAt"),
  };
}

/** Unknown conditions are refused: a write must not happen because its condition was not understood. */
function conditionOf(fields: ItemFields): OperationCondition | null {
  const { ifVersion } = fields;
  const conditions: OperationCondition[] = [];
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

function expiryOf(fields: ItemFields): OperationExpiry | null {
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

export function listIn(fields: ItemFields, name: string): readonly unknown[] {
  const list = fields[name];
  if (!Array.isArray(list)) throw malformed(`\`${name}\` is not an array`);
  return list;
}

export function recordOf(value: unknown): ItemFields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("an object is missing");
  return value as ItemFields;
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
