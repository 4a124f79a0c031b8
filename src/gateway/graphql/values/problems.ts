/** Converts refusals to the schema's Problem types: failures that callers are expected to handle, as data. */
import type { JsonEntry } from "../../../core/entry.js";
import { errorRules, type ErrorCode, ShardgateError } from "../../../core/error.js";
import type { RefusedOutcome } from "../../../core/operation.js";
import type { ShardRecord } from "../../../registry/cluster-map.js";
import type { ProblemCode } from "../generated/resolver-types.js";

/** The fields that all problems of one key have. */
interface KeyProblem<Name extends string> {
  readonly __typename: Name;
  readonly code: ProblemCode;
  readonly message: string;
  readonly isRetryable: boolean;
  readonly key: string;
}
interface ShardProblem<Name extends string> extends KeyProblem<Name> {
  readonly shard: ShardRecord;
}
interface ConflictProblem extends KeyProblem<"VersionConflict"> {
  readonly current: JsonEntry | null;
}

type ReadProblem = KeyProblem<"InvalidKey"> | KeyProblem<"Forbidden"> | ShardProblem<"ShardUnavailable">;
type DeleteProblem = ReadProblem | KeyProblem<"NotSupported"> | ShardProblem<"OutcomeUnknown">;
type PutProblem = DeleteProblem | KeyProblem<"InvalidValue"> | KeyProblem<"ExpiryPassed">;

/** Why a key could not be read. `shard` is called only when the caller may see the shard. */
export function readProblem({ code, message }: RefusedOutcome, key: string, shard: () => ShardRecord): ReadProblem {
  switch (code) {
    case "INVALID_KEY":
      return { __typename: "InvalidKey", key, ...facts(code, message) };
    case "FORBIDDEN":
      return { __typename: "Forbidden", key, ...facts(code, message) };
    case "OVERLOADED":
    case "STORAGE_FULL":
    case "STORAGE_FAILED":
    case "ENTRY_DAMAGED":
      return { __typename: "ShardUnavailable", key, shard: shard(), ...facts(code, message) };
    // Any other code of a storage node means to the caller that the shard cannot serve the key at the moment.
    default:
      return { __typename: "ShardUnavailable", key, shard: shard(), ...facts("SHARD_UNAVAILABLE", message) };
  }
}

/** Why a deletion did not happen, or why its outcome is unknown. */
export function deleteProblem(refusal: RefusedOutcome, key: string, shard: () => ShardRecord): DeleteProblem {
  const { code, message } = refusal;
  if (code === "NOT_SUPPORTED") return { __typename: "NotSupported", key, ...facts(code, message) };
  if (code === "OUTCOME_UNKNOWN") return { __typename: "OutcomeUnknown", key, shard: shard(), ...facts(code, message) };
  return readProblem(refusal, key, shard);
}

/** Why a put did not happen, or why its outcome is unknown. */
export function putProblem(refusal: RefusedOutcome, key: string, shard: () => ShardRecord): PutProblem {
  const { code, message } = refusal;
  if (code === "INVALID_VALUE") return invalidValue(key, message);
  if (code === "EXPIRY_PASSED") return { __typename: "ExpiryPassed", key, ...facts(code, message) };
  return deleteProblem(refusal, key, shard);
}

export function invalidKey(key: string, message: string): KeyProblem<"InvalidKey"> {
  return { __typename: "InvalidKey", key, ...facts("INVALID_KEY", message) };
}

export function invalidValue(key: string, message: string): KeyProblem<"InvalidValue"> {
  return { __typename: "InvalidValue", key, ...facts("INVALID_VALUE", message) };
}

export function keyNotFound(key: string): KeyProblem<"KeyNotFound"> {
  return { __typename: "KeyNotFound", key, ...facts("KEY_NOT_FOUND", `No entry has the key ${JSON.stringify(key)}.`) };
}

export function versionConflict(key: string, current: JsonEntry | null): ConflictProblem {
  const message = `The write's condition does not hold for key ${JSON.stringify(key)}; nothing was written.`;
  return { __typename: "VersionConflict", key, current, ...facts("VERSION_CONFLICT", message) };
}

/** The result of `parse`; if it throws an error with `code`, the result of `problemOf` for its message. */
export function problemInstead<T, P>(code: ErrorCode, parse: () => T, problemOf: (message: string) => P): T | P {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ShardgateError && error.code === code) return problemOf(error.message);
    throw error;
  }
}

function facts(code: ProblemCode, message: string): { code: ProblemCode; message: string; isRetryable: boolean } {
  return { code, message, isRetryable: errorRules[code].isRetryable };
}
