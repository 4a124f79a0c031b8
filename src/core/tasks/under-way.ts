/** Counts work in progress and reports when there is none. It keeps no reference to the work. */
export class UnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  /** Call once for each `begin`. */
  end(): void {
    this.#count--;
    if (this.#count > 0) return;
    const told = this.#waiting;
    this.#waiting = [];
    for (const tell of told) tell();
  }

  /** Resolves when no work is in progress; at once if there is none now. */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
