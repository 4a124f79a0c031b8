/**
 * How work is told that nobody waits for it any longer. An AbortSignal is a StopSignal; a StopSource is controller and
 * signal in one, for what happens once for every request: making and heeding an AbortController costs half of what Node
 * takes for the request itself.
 */

export interface StopSignal {
  readonly aborted: boolean;
  /** What `abort` was called with. */
  readonly reason?: unknown;
  /** Calls `listener` at most once, and never when it is aborted already. */
  addEventListener(type: "abort", listener: () => void, options?: { readonly once: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export class StopSource implements StopSignal {
  #aborted = false;
  #reason: unknown;
  /** Nearly always there is one; a Set of its own would cost each request more than all else here. */
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
    // One of them may have the next stop listening.
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
