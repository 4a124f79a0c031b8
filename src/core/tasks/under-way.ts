/** Counts what is under way, and tells when nothing is any more. It keeps nothing of what it counts. */
export class UnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  /** Once for each `begin`. */
  end(): void {
    this.#count--;
    if (this.#count > 0) return;
    const told = this.#waiting;
    this.#waiting = [];
    for (const tell of told) tell();
  }

  /** Resolves when nothing is under way, at once when nothing is. */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
