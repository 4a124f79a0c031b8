/** Work that many ask for at once and that is done once for all of them: never twice at a time, and never too early. */
export class SharedRun<Result> {
  readonly #work: () => Promise<Result>;
  /** Settles, never rejecting, when the run under way is done. */
  #current: Promise<unknown> = Promise.resolve();
  /** The run that begins after it. */
  #next: Promise<Result> | null = null;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  /** Settles as a run does that begins no earlier than now; all who ask before it begins share it. */
  next(): Promise<Result> {
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      const run = this.#work();
      this.#current = run.catch(() => undefined);
      return run;
    });
    return this.#next;
  }

  /** Resolves when nothing runs, and nothing is about to. */
  async idle(): Promise<void> {
    await this.#next?.catch(() => undefined);
    await this.#current;
  }
}
