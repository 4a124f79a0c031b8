/** Checks a whole history, each key by itself because keys are independent registers, and describes what is wrong. */
import { linearize } from "./checker.js";
import { entryModel, intervalsOf, shownIn } from "./entry-model.js";
import type { Call } from "./history.js";

/** What is wrong with one key. */
export interface Violation {
  readonly key: string;
  readonly text: string;
}

/**
 * Empty when every key is linearizable. Throws when two writes have the same value, and when a key is too hard to
 * decide.
 */
export function checkHistory(calls: readonly Call[]): readonly Violation[] {
  const keys = new Map<string, Call[]>();
  const values = new Set<number>();
  for (const call of calls) {
    const { action } = call;
    if (action.kind === "put") {
      if (values.has(action.value)) throw new Error(`Two puts write ${action.value}; nobody could tell them apart.`);
      values.add(action.value);
    }
    const known = keys.get(call.key);
    if (known === undefined) keys.set(call.key, [call]);
    else known.push(call);
  }
  return [...keys].flatMap(([key, ofKey]) => checkKey(key, ofKey) ?? []);
}

function checkKey(key: string, calls: readonly Call[]): Violation | null {
  const verdict = linearize(entryModel, intervalsOf(calls));
  if (verdict.kind === "linearizable") return null;
  if (verdict.kind === "undecided") {
    throw new Error(`Key ${key}: undecided after ${verdict.configurations} configurations.`);
  }
  const lines = [
    `Key ${key} is not linearizable: ${verdict.length} of its ${calls.length} operations have a place in one order.`,
    ...effectsOfRefused(calls),
    "The last of them:",
    ...verdict.last.map(({ call }) => lineOf(call)),
    "None of these can come next:",
    ...verdict.stuck.map(({ call }) => lineOf(call)),
  ];
  return { key, text: lines.join("\n") };
}

/** The most revealing violation by name: a refused write that was seen nevertheless. */
function effectsOfRefused(calls: readonly Call[]): readonly string[] {
  const refused = new Map<number, Call>();
  for (const call of calls) {
    if (call.result.kind === "refused" && call.action.kind === "put") refused.set(call.action.value, call);
  }
  return calls.flatMap(({ id, result }) => {
    const write = refused.get(shownIn(result)?.value ?? 0);
    return write === undefined ? [] : [`Operation ${id} saw what operation ${write.id} was refused.`];
  });
}

function lineOf({ id, client, action, calledAt, returnedAt, result }: Call): string {
  return `  ${id} by ${client} [${calledAt}, ${returnedAt}] ${JSON.stringify(action)} -> ${JSON.stringify(result)}`;
}
