/** Results in the form of answers, and their conversion to outcomes: values parsed and validated. */
import type { Entry } from "../client-entry.js";
import type { DeleteOutcome, GetOutcome, Mismatch, PutOutcome } from "../outcome.js";
import { ShardgateRequestError } from "./request-error.js";
import type { SchemaIssue, StandardSchema } from "../standard-schema.js";

/** An entry with the fields that the client's documents select. */
export interface RawEntry {
  readonly key: string;
  /** Parsed JSON, or JSON text when the client parses values itself. */
  readonly value: unknown;
  readonly version: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly expiresAt: string | null;
}

/** One member of any of the schema's result unions; `__typename` determines which other fields are present. */
export interface RawResult extends Partial<RawEntry> {
  readonly __typename: string;
  readonly code?: string;
  readonly message?: string;
  readonly isRetryable?: boolean;
  readonly shard?: { readonly number: number };
  readonly current?: RawEntry | null;
  readonly isNew?: boolean;
  readonly entry?: Omit<RawEntry, "key" | "value">;
}

/** How values are read: the client's parser, and the schema of the client or the call. */
export interface ValueReading {
  readonly parseValue: ((text: string) => unknown) | null;
  readonly schema: StandardSchema | undefined;
}

/** The results in an answer's list. Throws BAD_ANSWER when their number is not `count`. */
export function resultList(answer: unknown, count: number, isWrite: boolean): readonly RawResult[] {
  if (Array.isArray(answer) && answer.length === count) return answer as readonly RawResult[];
  const message = `The answer does not have the ${count} requested results.`;
  throw new ShardgateRequestError("BAD_ANSWER", message, {
    isRetryable: false,
    isOutcomeUnknown: isWrite,
    status: null,
  });
}

export async function getOutcome(key: string, raw: RawResult, reading: ValueReading): Promise<GetOutcome<unknown>> {
  if (raw.__typename !== "Entry") return (await problemOutcome(key, raw, reading)) as GetOutcome<unknown>;
  const read = await readEntry(raw as RawEntry, reading);
  return "issues" in read ? read : { kind: "found", ...read };
}

/** `value` is the value that was passed; the answer does not repeat it. */
export async function putOutcome(
  { key, value }: { readonly key: string; readonly value: unknown },
  raw: RawResult,
  reading: ValueReading,
): Promise<PutOutcome<unknown>> {
  const { entry, isNew = false } = raw;
  if (entry === undefined) return (await problemOutcome(key, raw, reading)) as PutOutcome<unknown>;
  return { kind: "written", ...entryOf({ ...entry, key, value }), isNew };
}

export async function deleteOutcome(
  key: string,
  raw: RawResult,
  reading: ValueReading,
): Promise<DeleteOutcome<unknown>> {
  if (raw.__typename === "DeleteSuccess") return { kind: "deleted", key, version: raw.version ?? null };
  return (await problemOutcome(key, raw, reading)) as DeleteOutcome<unknown>;
}

/** The entry with its value parsed and validated, or how the value does not fit the schema. */
export async function readEntry(
  raw: RawEntry,
  { parseValue, schema }: ValueReading,
): Promise<Entry<unknown> | Mismatch> {
  const value = parseValue === null ? raw.value : parseValue(String(raw.value));
  const entry = entryOf({ ...raw, value });
  if (schema === undefined) return entry;
  const result = await schema["~standard"].validate(value);
  return result.issues ? mismatch(raw.key, result.issues, entry) : { ...entry, value: result.value };
}

/** How a value to be written does not fit the schema; null when it fits. */
export async function valueMismatch(
  key: string,
  value: unknown,
  schema: StandardSchema | undefined,
): Promise<Mismatch | null> {
  const issues = (await schema?.["~standard"].validate(value))?.issues;
  return issues ? mismatch(key, issues, null) : null;
}

function entryOf({ createdAt, updatedAt, expiresAt, key, value, version }: RawEntry): Entry<unknown> {
  const dates = { createdAt: dateOf(createdAt), updatedAt: dateOf(updatedAt), expiresAt: dateOf(expiresAt) };
  return { key, value, version, ...dates };
}

function dateOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

function mismatch(key: string, issues: readonly SchemaIssue[], entry: Entry<unknown> | null): Mismatch {
  const which = entry === null ? "to write at" : "of";
  const message = `The value ${which} key ${JSON.stringify(key)} does not fit the schema: ${issues[0]?.message ?? ""}`;
  return { kind: "mismatch", key, code: "SCHEMA_MISMATCH", message, isRetryable: false, issues, entry };
}

/** The outcome kind for each union member. A test checks that the schema has no others. */
export const problemKinds: Readonly<Record<string, string>> = {
  KeyNotFound: "notFound",
  InvalidKey: "invalidKey",
  InvalidValue: "invalidValue",
  ExpiryPassed: "expiryPassed",
  Forbidden: "forbidden",
  NotSupported: "notSupported",
  ShardUnavailable: "unavailable",
  OutcomeUnknown: "unknown",
  VersionConflict: "conflict",
};

/** Callers know which kinds their union has; a type that this client does not know becomes `refused`. */
async function problemOutcome(key: string, raw: RawResult, reading: ValueReading): Promise<object> {
  const { __typename, code = __typename, message = __typename, isRetryable = false, shard, current } = raw;
  const problem = { kind: problemKinds[__typename] ?? "refused", key, code, message, isRetryable };
  if (shard) return { ...problem, shard: shard.number };
  if (current === undefined) return problem;
  const read = current && (await readEntry(current, reading));
  return read !== null && "issues" in read ? read : { ...problem, current: read };
}
