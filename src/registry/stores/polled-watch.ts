/**
 * Calls listeners when a registry on servers changes. A stream of notices brings most changes at once; since a stream
 * may stay silent without an error (seen with etcd after members were killed, and with a proxy in front of PostgreSQL),
 * a mark of the newest change is also read at an interval, and a stream that missed a change is opened anew.
 */
import type { Clock } from "../../core/clock.js";

export interface PolledWatchOptions {
  /** Reads a mark, which is another text after each change; may reject. */
  readonly readMark: () => Promise<string>;
  /** Gives `changed` the mark of each change from now on. Settles when the stream ends, at the latest when the signal aborts. */
  readonly stream: (changed: (mark: string) => void, signal: AbortSignal) => Promise<void>;
  readonly pollMs: number;
  readonly clock: Clock;
}

export class PolledWatch {
  readonly #options: PolledWatchOptions;
  readonly #listeners = new Set<() => void>();
  /** Aborts when the last listener goes; null while there is none. */
  #session: AbortController | null = null;
  #cancelPoll: (() => void) | null = null;

  constructor(options: PolledWatchOptions) {
    this.#options = options;
  }

  /** Calls `onChange` after each change, sometimes twice; returns the function that stops it. */
  listen(onChange: () => void): () => void {
    // A new object for each call, so that one function may listen twice.
    const listener = (): void => onChange();
    this.#listeners.add(listener);
    if (this.#session === null) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#session?.abort();
    this.#session = null;
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }

  #begin(): void {
    const session = new AbortController();
    this.#session = session;
    const watched: Watched = { mark: null, stream: null, end: session.signal };
    this.#openStream(watched);
    void this.#poll(watched);
  }

  #openStream(watched: Watched): void {
    watched.stream?.abort();
    const stream = new AbortController();
    watched.stream = stream;
    const changed = (mark: string): void => {
      if (watched.stream === stream) this.#changed(watched, mark);
    };
    // The next poll opens another one.
    const ended = (): void => {
      if (watched.stream === stream) watched.stream = null;
    };
    void this.#options.stream(changed, AbortSignal.any([stream.signal, watched.end])).then(ended, ended);
  }

  async #poll(watched: Watched): Promise<void> {
    const { readMark, clock, pollMs } = this.#options;
    const known = watched.mark;
    try {
      const mark = await readMark();
      // What the stream brought while it was read may be newer.
      if (watched.mark === known && mark !== known) {
        this.#changed(watched, mark);
        // Of the time before the first poll the stream could know nothing.
        if (known !== null) watched.stream?.abort();
      }
    } catch {
      // The server does not answer: the next load or write meets the same, and reports it.
    }
    if (watched.end.aborted) return;
    if (watched.stream?.signal.aborted !== false) this.#openStream(watched);
    this.#cancelPoll = clock.after(pollMs, () => void this.#poll(watched));
  }

  #changed(watched: Watched, mark: string): void {
    if (watched.end.aborted) return;
    watched.mark = mark;
    for (const listener of this.#listeners) listener();
  }
}

/** The state of the watch while there are listeners. */
interface Watched {
  /** The newest one that the listeners were called for; null: none was read yet. */
  mark: string | null;
  /** The open stream; null: it has ended. */
  stream: AbortController | null;
  readonly end: AbortSignal;
}
