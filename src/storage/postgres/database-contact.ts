/**
 * Whether a storage node reaches its database, by what becomes of the engine's calls. The sweep, once a second, is a call even
 * when there is nothing else to do. Callers pass in the time; nothing else is read, so that the decision is pure.
 */

/** How long nothing may be answered: longer than a fail-over that is prepared, or a busy server's longest pause. */
const unansweredMsMax = 3_000;

export class DatabaseContact {
  #unanswered = 0;
  /** Since when calls were made and none was answered; null: no call was made since the last answer. */
  #sinceMs: number | null = null;

  began(nowMs: number): void {
    this.#unanswered++;
    this.#sinceMs ??= nowMs;
  }

  answered(nowMs: number): void {
    this.#unanswered--;
    // What is still unanswered may be slow: the database was there just now.
    this.#sinceMs = this.#unanswered > 0 ? nowMs : null;
  }

  failed(): void {
    this.#unanswered--;
  }

  isLost(nowMs: number): boolean {
    return this.#sinceMs !== null && nowMs - this.#sinceMs >= unansweredMsMax;
  }
}
