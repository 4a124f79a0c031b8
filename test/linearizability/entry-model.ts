/**
 * The model with which histories are compared: what one key's entry must answer when one client at a time uses it. A
 * write whose answer was lost has an unknown version, above all versions before it, until an answer shows it. Versions
 * grow with each write of the key, and none is given twice.
 */
import { unreachable } from "../../src/core/error.js";
import type { Interval, Model } from "./checker.js";
import type { Action, Call, Condition, Result, ShownEntry } from "./history.js";

export interface EntryOperation {
  readonly call: Call;
  readonly action: Action;
  readonly result: Result;
  /** The known version of a put, from its own answer or from a read of its value. */
  readonly version: number | null;
  /** The highest known version below it. The write with that version must come before. */
  readonly versionBefore: number;
}

export interface EntryState {
  /** Null: there is no entry. */
  readonly value: number | null;
  /** The version of the entry; null: unknown, but at least `versionMin`. */
  readonly version: number | null;
  /** The last version that was given is at least this. */
  readonly versionMin: number;
}

/** Replaces all values that were never read: which of them is in the entry makes no difference. */
const unseen = 0;

export const entryModel: Model<EntryState, EntryOperation> = {
  initial: { value: null, version: null, versionMin: 0 },
  identify: ({ value, version, versionMin }) => `${value} ${version} ${versionMin}`,
  next(state, operation) {
    const { action } = operation;
    switch (action.kind) {
      case "get":
        return afterGet(state, operation.result);
      case "put":
        return afterPut(state, action.value, action.condition, operation);
      case "delete":
        return afterDelete(state, action.condition, operation.result);
      default:
        return unreachable(action);
    }
  },
};

/**
 * One key's calls in the form that the checker takes. Omits operations that certainly did not happen and reads without
 * an answer.
 */
export function intervalsOf(calls: readonly Call[]): readonly Interval<EntryOperation>[] {
  const shown = calls.flatMap(({ result }) => shownIn(result) ?? []);
  const seenValues = new Set(shown.map(({ value }) => value));
  const seenVersions = new Map(shown.map(({ value, version }) => [value, version]));
  const wanted = calls.filter(
    ({ action, result }) => result.kind !== "refused" && !(action.kind === "get" && result.kind === "unknown"),
  );
  const versionOf = ({ action, result }: Call): number | null => {
    if (action.kind !== "put") return null;
    return result.kind === "written" ? result.version : (seenVersions.get(action.value) ?? null);
  };
  const versions = [...new Set(wanted.flatMap((call) => versionOf(call) ?? []))].toSorted((a, b) => a - b);
  const before = new Map(versions.map((version, index) => [version, versions[index - 1] ?? 0]));
  return wanted.map((call) => {
    const { calledAt, result } = call;
    const isUnseen = call.action.kind === "put" && !seenValues.has(call.action.value);
    const action = isUnseen ? { ...call.action, value: unseen } : call.action;
    const version = versionOf(call);
    const versionBefore = before.get(version ?? 0) ?? 0;
    const returnedAt = result.kind === "unknown" ? null : call.returnedAt;
    const operation = { call, action, result, version, versionBefore };
    return { operation, calledAt, returnedAt, likeness: JSON.stringify(action) };
  });
}

/** The entry that an answer shows; null when it shows none. */
export function shownIn(result: Result): ShownEntry | null {
  if (result.kind === "found") return result.entry;
  return result.kind === "conflict" ? result.current : null;
}

function afterGet(state: EntryState, result: Result): EntryState | null {
  if (result.kind === "found") return seenAs(state, result.entry);
  return result.kind === "notFound" && state.value === null ? state : null;
}

function afterPut(
  state: EntryState,
  value: number,
  condition: Condition | null,
  operation: EntryOperation,
): EntryState | null {
  const { result } = operation;
  if (result.kind === "conflict") return afterConflict(state, condition, result.current);
  const before = assuming(state, condition);
  if (before === null) return null;
  if (result.kind === "written" && result.isNew !== (before.value === null)) return null;
  if (result.kind !== "written" && result.kind !== "unknown") return null;
  const { version, versionBefore } = operation;
  if (version === null) return { value, version, versionMin: before.versionMin + 1 };
  return version > before.versionMin && versionBefore <= before.versionMin
    ? { value, version, versionMin: version }
    : null;
}

function afterDelete(state: EntryState, condition: Condition | null, result: Result): EntryState | null {
  if (result.kind === "conflict") return afterConflict(state, condition, result.current);
  const before = assuming(state, condition);
  if (before === null) return null;
  if (result.kind === "notFound") return before.value === null ? before : null;
  // Without an entry the delete changes nothing; if its outcome is unknown, that is the same as never.
  if (result.kind === "unknown") return before.value === null ? null : gone(before);
  if (result.kind !== "deleted") return null;
  const seen = seenAs(before, { value: null, version: result.version });
  return seen === null ? null : gone(seen);
}

function gone({ versionMin }: EntryState): EntryState {
  return { value: null, version: null, versionMin };
}

/** `current` is the current entry, for which the condition does not hold. */
function afterConflict(state: EntryState, condition: Condition | null, current: ShownEntry | null): EntryState | null {
  const seen = current === null ? (state.value === null ? state : null) : seenAs(state, current);
  if (seen === null || condition === null) return null;
  switch (condition.kind) {
    case "ifAbsent":
      return seen.value === null ? null : seen;
    case "ifPresent":
      return seen.value === null ? seen : null;
    case "ifVersion":
      return seen.value !== null && seen.version === condition.version ? null : seen;
    default:
      return unreachable(condition);
  }
}

/** The state when the condition holds in it; null when it cannot. */
function assuming(state: EntryState, condition: Condition | null): EntryState | null {
  switch (condition?.kind) {
    case undefined:
      return state;
    case "ifAbsent":
      return state.value === null ? state : null;
    case "ifPresent":
      return state.value === null ? null : state;
    case "ifVersion":
      return seenAs(state, { value: null, version: condition.version });
    default:
      return unreachable(condition);
  }
}

/** The state when its entry is this one; null when it cannot be. */
function seenAs(state: EntryState, { value, version }: ShownEntry): EntryState | null {
  if (state.value === null || (value !== null && value !== state.value)) return null;
  if (version === null || version === state.version) return state;
  if (state.version !== null || version < state.versionMin) return null;
  return { ...state, version, versionMin: version };
}
