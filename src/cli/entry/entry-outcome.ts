/**
 * The gateway's answer about one key, an entry or a problem, and its presentation. A command with several keys shows
 * the successful results, prints each problem to standard error, and ends with the worst exit code.
 */
import { exitCodeOf, exitCodes, worstExitCode } from "../terminal/exit-code.js";
import { errorRules, isErrorCode, type ErrorCode } from "../../core/error.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { withAdvice } from "../calls/gateway-call.js";
import { objectText } from "../terminal/json-output.js";
import type { Columns } from "../terminal/print.js";

/** The selection of `entryFields`. */
export interface EntryAnswer {
  readonly key: string;
  readonly valueText: string;
  readonly version: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly expiresAt: string | null;
  readonly shard: { readonly number: number };
}

export const entryFields = "key valueText version createdAt updatedAt expiresAt shard{number}";

/** The selection of `problemFields`, for every type of problem. */
export interface ProblemAnswer {
  readonly code: string;
  readonly message: string;
  /** The current entry, in a VersionConflict. */
  readonly current?: EntryAnswer | null;
}

export const problemFields = "...on Problem{code message}";

/** The result for one key. */
export interface KeyOutcome<T> {
  readonly key: string;
  readonly result: T | ProblemAnswer;
}

export const entryColumns: Columns<EntryAnswer> = [
  { title: "key", of: ({ key }) => key },
  { title: "version", isRight: true, of: ({ version }) => version },
  { title: "shard", isRight: true, of: ({ shard }) => shard.number },
  { title: "value", of: ({ valueText }) => valueText },
];

export function isProblem<T extends object>(result: T | ProblemAnswer): result is ProblemAnswer {
  return "code" in result;
}

/** The results that are not problems. */
export function successes<T extends object>(outcomes: readonly KeyOutcome<T>[]): readonly T[] {
  return outcomes.flatMap(({ result }) => (isProblem(result) ? [] : [result]));
}

/** Throws a CommandFailure with all problems and the advice for each, if there are any. */
export function failOnProblems<T extends object>(
  outcomes: readonly KeyOutcome<T>[],
  adviceFor: (code: ErrorCode, problem: ProblemAnswer) => string,
): void {
  const problems = outcomes.flatMap(({ result }) => (isProblem(result) ? [result] : []));
  if (problems.length === 0) return;
  const lines = problems.map((problem) => {
    const { message, code } = problem;
    // For callers who may not see the storage nodes, the gateway's message is just its advice.
    const isAdvised = !isErrorCode(code) || message.includes(errorRules[code].advice);
    return withAdvice(`${message} (${code})`, isAdvised ? null : adviceFor(code, problem));
  });
  const codes = problems.map(({ code }) => (isErrorCode(code) ? exitCodeOf(code) : exitCodes.failed));
  throw new CommandFailure([...new Set(lines)].join("\n"), worstExitCode(codes));
}

/** JSON text of an outcome: the result of `resultText` for a success, or the problem with its key. */
export function outcomeText<T extends object>(
  { key, result }: KeyOutcome<T>,
  resultText: (result: T) => string,
): string {
  if (!isProblem(result)) return resultText(result);
  const { code, message, current } = result;
  return objectText({
    key: JSON.stringify(key),
    code: JSON.stringify(code),
    message: JSON.stringify(message),
    ...(current === undefined ? {} : { current: current === null ? "null" : entryText(current) }),
  });
}

/** JSON text of an entry, followed by the members `more`. */
export function entryText(entry: EntryAnswer, more: Readonly<Record<string, string>> = {}): string {
  return objectText({
    key: JSON.stringify(entry.key),
    value: entry.valueText,
    version: JSON.stringify(entry.version),
    createdAt: JSON.stringify(entry.createdAt),
    updatedAt: JSON.stringify(entry.updatedAt),
    expiresAt: JSON.stringify(entry.expiresAt),
    shard: String(entry.shard.number),
    ...more,
  });
}
