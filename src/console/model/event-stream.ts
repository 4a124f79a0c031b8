/**
 * The stream of the gateway's events, opened again whenever it ends or falls silent. EventSource by itself gives up when a
 * gateway refuses, and never notices a connection that is dead.
 */

/** The little of EventSource that is used. */
export interface Stream {
  onEvent(name: string, listener: (data: string) => void): void;
  onFailure(listener: () => void): void;
  close(): void;
}

export interface EventStreamParts {
  readonly open: () => Stream;
  /** Calls back once; returns the function that cancels it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** By event name: what to do with its data, parsed. */
  readonly listeners: Readonly<Record<string, (data: unknown) => void>>;
  readonly onLive: (isLive: boolean) => void;
}

/** Events come each second; three of them missing is no hiccup. */
const silenceMs = 3_500;
const reopenMs = 1_000;

export class EventStream {
  readonly #parts: EventStreamParts;
  #stream: Stream | null = null;
  #cancelTimer: () => void = () => {};

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
  }

  /** Opens the stream; does nothing when it is open. */
  start(): void {
    if (this.#stream !== null) return;
    const stream = this.#parts.open();
    this.#stream = stream;
    for (const [name, listener] of Object.entries(this.#parts.listeners)) {
      stream.onEvent(name, (data) => {
        if (this.#stream !== stream) return;
        this.#watch();
        listener(JSON.parse(data));
        this.#parts.onLive(true);
      });
    }
    stream.onFailure(() => {
      if (this.#stream === stream) this.#reopen();
    });
    this.#watch();
  }

  /** Closes the stream until the next start. What the page shows is old from now on. */
  stop(): void {
    this.#cancelTimer();
    this.#stream?.close();
    this.#stream = null;
    this.#parts.onLive(false);
  }

  #watch(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.after(silenceMs, () => this.#reopen());
  }

  #reopen(): void {
    this.stop();
    this.#cancelTimer = this.#parts.after(reopenMs, () => this.start());
  }
}
