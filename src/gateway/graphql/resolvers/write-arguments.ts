/** Reads the conditions and expiries of writes. Errors in them are the caller's mistake: BAD_USER_INPUT. */
import { ShardgateError } from "../../../core/error.js";
import { expiryMsMax } from "../../../core/limits.js";
import type { OperationExpiry, OperationCondition } from "../../../core/operation.js";
import type {
  Expiry as ExpiryInput,
  InputMaybe,
  WriteCondition as ConditionInput,
} from "../generated/resolver-types.js";

/** `where` names the argument in messages, for example `items[3].condition`. */
export function conditionOf(input: InputMaybe<ConditionInput> | undefined, where: string): OperationCondition | null {
  if (input == null) return null;
  if (input.ifVersion != null) return { kind: "ifVersion", version: input.ifVersion };
  const isAbsent = input.ifAbsent !== undefined;
  if ((isAbsent ? input.ifAbsent : input.ifPresent) !== true) {
    throw badInput(
      `\`${where}.${isAbsent ? "ifAbsent" : "ifPresent"}\` must be true; to write without a condition, omit it`,
    );
  }
  return { kind: isAbsent ? "ifAbsent" : "ifPresent" };
}

/**
 * As `conditionOf`. Whether a moment has passed is not checked here: only the clock of the shard's storage node counts.
 */
export function expiryOf(input: InputMaybe<ExpiryInput> | undefined, where: string): OperationExpiry | null {
  if (input == null) return null;
  if (input.at != null) {
    if (input.at > expiryMsMax) throw badInput(`\`${where}.at\` is after the year 9999 in UTC`);
    return { kind: "at", atMs: input.at };
  }
  const seconds = input.ttlSeconds ?? 0;
  if (seconds < 1) throw badInput(`\`${where}.ttlSeconds\` is ${seconds}; it must be at least 1`);
  return { kind: "ttl", seconds };
}

function badInput(message: string): ShardgateError {
  return new ShardgateError("BAD_USER_INPUT", `${message}.`);
}
