/** What was opened one after the other, from the bottom up, and is closed from the top down. */

export class OpenedParts {
  readonly #open: (() => unknown)[] = [];

  /** Remembers how the part that was opened last is closed. */
  add(close: () => unknown): void {
    this.#open.push(close);
  }

  async close(): Promise<void> {
    for (const closeNext of this.#open.splice(0).toReversed()) await closeNext();
  }

  /** Resolves to what `build` makes; when it fails, closes what is open already. */
  async orClose<Built>(build: () => Promise<Built>): Promise<Built> {
    try {
      return await build();
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}
