/**
 * The definition of linearizability taken literally, for histories of a handful of operations: tries every order, every
 * possible effect of an unknown outcome, and every version that it may have been given. Shares no code with the
 * checker.
 */
import type { Action, Call, Condition, Result, ShownEntry } from "./history.js";

interface Register {
  readonly entry: { readonly value: number; readonly version: number } | null;
  /** The last version that was given. */
  readonly lastVersion: number;
}

export function isLinearizable(calls: readonly Call[]): boolean {
  const versions = calls.flatMap(({ action, result }) => [
    ...versionsIn(result),
    ...(action.kind !== "get" && action.condition?.kind === "ifVersion" ? [action.condition.version] : []),
  ]);
  const versionMax = Math.max(0, ...versions) + calls.length;
  return canEnd({ entry: null, lastVersion: 0 }, calls, versionMax);
}

function canEnd(register: Register, left: readonly Call[], versionMax: number): boolean {
  if (left.every(({ result }) => result.kind === "unknown" || result.kind === "refused")) return true;
  return left.some((call) => {
    if (call.result.kind === "refused") return false;
    const isFirst = left.every(
      ({ result, returnedAt }) => result.kind === "unknown" || result.kind === "refused" || returnedAt >= call.calledAt,
    );
    const rest = left.filter((other) => other !== call);
    return isFirst && registersAfter(register, call, versionMax).some((after) => canEnd(after, rest, versionMax));
  });
}

/** Every possible register after the call, if it takes effect now and was answered as recorded. */
function registersAfter(register: Register, { action, result }: Call, versionMax: number): readonly Register[] {
  const afters: Register[] = [];
  for (const [answer, after] of answersOf(register, action, versionMax)) {
    if (result.kind === "unknown" || isSame(answer, result)) afters.push(after);
  }
  return afters;
}

function answersOf(register: Register, action: Action, versionMax: number): readonly (readonly [Result, Register])[] {
  const { entry, lastVersion } = register;
  if (action.kind === "get") return [[entry === null ? { kind: "notFound" } : { kind: "found", entry }, register]];
  if (!holds(action.condition, entry)) return [[{ kind: "conflict", current: entry }, register]];
  if (action.kind === "delete") {
    if (entry === null) return [[{ kind: "notFound" }, register]];
    return [
      [
        { kind: "deleted", version: entry.version },
        { entry: null, lastVersion },
      ],
    ];
  }
  const answers: (readonly [Result, Register])[] = [];
  for (let version = lastVersion + 1; version <= versionMax; version++) {
    const after = { entry: { value: action.value, version }, lastVersion: version };
    answers.push([{ kind: "written", isNew: entry === null, version }, after]);
  }
  return answers;
}

function holds(condition: Condition | null, entry: Register["entry"]): boolean {
  if (condition === null) return true;
  if (condition.kind === "ifAbsent") return entry === null;
  return condition.kind === "ifPresent" ? entry !== null : entry?.version === condition.version;
}

/** Whether the whole answer may have been reported as `told`, which may omit members. */
function isSame(answer: Result, told: Result): boolean {
  if (answer.kind === "found" && told.kind === "found") return isShown(answer.entry, told.entry);
  if (answer.kind === "conflict" && told.kind === "conflict") return isShown(answer.current, told.current);
  if (answer.kind === "written" && told.kind === "written") {
    return answer.isNew === told.isNew && isTold(answer.version, told.version);
  }
  if (answer.kind === "deleted" && told.kind === "deleted") return isTold(answer.version, told.version);
  return answer.kind === "notFound" && told.kind === "notFound";
}

function isShown(entry: ShownEntry | null, told: ShownEntry | null): boolean {
  if (entry === null || told === null) return entry === told;
  return isTold(entry.value, told.value) && isTold(entry.version, told.version);
}

function isTold(fact: number | null, told: number | null): boolean {
  return told === null || fact === told;
}

function versionsIn(result: Result): readonly number[] {
  if (result.kind === "written" || result.kind === "deleted") return result.version === null ? [] : [result.version];
  if (result.kind === "found") return [result.entry.version ?? 0];
  return result.kind === "conflict" ? [result.current?.version ?? 0] : [];
}
