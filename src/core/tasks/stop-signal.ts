/**
 * Cancels work whose result is no longer wanted. An AbortSignal is a StopSignal. A StopSource is controller and signal
 * in one, for work that happens once per request: creating and observing an AbortController costs half as much as
 * Node's own handling of the request.
 */

export interface StopSignal {
  readonly aborted: boolean;
  /** The argument of `abort`. */
  readonly reason?: unknown;
  /** Calls `listener` at most once, and never when the signal is aborted already. */
  addEventListener(type: "abort", listener: () => void, options?: { readonly once: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export class StopSource implements StopSignal {
  #aborted = false;
  #reason: unknown;
  /** There is nearly always one listener; a Set would cost each request more than everything else here. */
  #listener: (() => void) | null = null;
  #others: Set<() => void> | null = null;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Only the first call counts. */
  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const first = this.#listener;
    this.#listener = null;
    first?.();
    // A listener may remove the next one.
    for (const listener of this.#others ?? []) listener();
    this.#others = null;
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#aborted || listener === this.#listener) return;
    if (this.#listener === null) this.#listener = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (this.#listener === listener) this.#listener = null;
    else this.#others?.delete(listener);
  }
}
