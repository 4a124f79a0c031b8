/**
 * Work that many callers request at once and that runs once for all of them: never two runs at a time, and for each
 * caller a run that began after its request.
 */
export class SharedRun<Result> {
  readonly #work: () => Promise<Result>;
  /** Settles when the current run is done; never rejects. */
  #current: Promise<unknown> = Promise.resolve();
  /** The run that follows the current one. */
  #next: Promise<Result> | null = null;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  /** Settles with a run that begins no earlier than now; all callers that request it before it begins share it. */
  next(): Promise<Result> {
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      const run = this.#work();
      this.#current = run.catch(() => undefined);
      return run;
    });
    return this.#next;
  }

  /** Resolves when no run is in progress or requested. */
  async idle(): Promise<void> {
    await this.#next?.catch(() => undefined);
    await this.#current;
  }
}
