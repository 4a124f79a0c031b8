/**
 * A history: the operations of clients on keys, their answers, and the order of these events. Plain data, one JSON
 * object per line in a file, so that a failed run can be inspected and checked again.
 */

/** As in the API; versions are numbers here. */
export type Condition =
  | { readonly kind: "ifVersion"; readonly version: number }
  | { readonly kind: "ifAbsent" }
  | { readonly kind: "ifPresent" };

/** `value` is unique in a history and at least 1, so that a read of it identifies the write. */
export type Action =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: number; readonly condition: Condition | null }
  | { readonly kind: "delete"; readonly condition: Condition | null };

/** An entry as far as an answer shows it; null: not shown. */
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

/** One operation. The two moments are positions in the order of all calls and returns of the history. */
export interface Call {
  readonly id: number;
  readonly key: string;
  readonly client: string;
  readonly action: Action;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly result: Result;
}

/** Records events while clients run. One counter stamps all events, so their order is the real one. */
export class Recorder {
  readonly #calls: Call[] = [];
  #moments = 0;
  #ids = 0;

  /** Call just before the request is sent; call the returned function as soon as the answer is there. */
  begin(client: string, key: string, action: Action): (result: Result) => void {
    const id = ++this.#ids;
    const calledAt = ++this.#moments;
    return (result) => this.#calls.push({ id, key, client, action, calledAt, returnedAt: ++this.#moments, result });
  }

  /** Number of operations that have ended, with any result. */
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
