/**
 * A history: what clients asked of keys, what they were answered, and in which order those events happened. Plain data,
 * one JSON object a line in a file, so that a run that failed can be looked at and checked again.
 */

/** As in the API; versions are numbers here. */
export type Condition =
  | { readonly kind: "ifVersion"; readonly version: number }
  | { readonly kind: "ifAbsent" }
  | { readonly kind: "ifPresent" };

/** `value` is unique in a history and at least 1, so that whoever reads it says which write it saw. */
export type Action =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: number; readonly condition: Condition | null }
  | { readonly kind: "delete"; readonly condition: Condition | null };

/** An entry as far as an answer tells it; null: not told. */
export interface ShownEntry {
  readonly value: number | null;
  readonly version: number | null;
}

export type Result =
  | { readonly kind: "found"; readonly entry: ShownEntry }
  | { readonly kind: "notFound" }
  | { readonly kind: "written"; readonly isNew: boolean; readonly version: number | null }
  | { readonly kind: "deleted"; readonly version: number | null }
  | { readonly kind: "conflict"; readonly current: ShownEntry | null }
  /** It certainly did not happen. */
  | { readonly kind: "refused"; readonly code: string }
  /** It may happen at any time after the call, or never. */
  | { readonly kind: "unknown"; readonly cause: string };

/** One operation. The two moments are places in the one order of all calls and returns of the history. */
export interface Call {
  readonly id: number;
  readonly key: string;
  readonly client: string;
  readonly action: Action;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly result: Result;
}

/** What is recorded while clients run. One counter stamps all events, so their order is the real one. */
export class Recorder {
  readonly #calls: Call[] = [];
  #moments = 0;
  #ids = 0;

  /** To be called just before the request leaves; what it gives is to be called as soon as the answer is there. */
  begin(client: string, key: string, action: Action): (result: Result) => void {
    const id = ++this.#ids;
    const calledAt = ++this.#moments;
    return (result) => this.#calls.push({ id, key, client, action, calledAt, returnedAt: ++this.#moments, result });
  }

  /** Operations that have ended, one way or another. */
  get length(): number {
    return this.#calls.length;
  }

  get calls(): readonly Call[] {
    return this.#calls;
  }
}

export function historyToText(calls: readonly Call[]): string {
  return calls.map((call) => `${JSON.stringify(call)}\n`).join("");
}

export function historyFromText(text: string): readonly Call[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Call);
}
