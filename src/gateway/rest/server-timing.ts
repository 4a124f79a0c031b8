/** `Server-Timing` (W3C) of one operation, for clients that send `x-shardgate-trace: 1`: how long its batches took. */
import type { BatchRecord, RouteRecorder } from "../../routing/recorder.js";

export const serverTimingHeader = "server-timing";

export class ServerTiming implements RouteRecorder {
  readonly #batches: BatchRecord[] = [];
  #waitMs = 0;

  sent(_operation: unknown, batch: BatchRecord, waitMs: number): void {
    this.#batches.push(batch);
    this.#waitMs += waitMs;
  }

  answered(): void {}

  /**
   * Milliseconds over all attempts, storage node and batch of the last attempt, and the number of attempts before it.
   */
  get text(): string {
    const last = this.#batches.at(-1);
    if (last === undefined) return `retries;desc="0"`;
    const serviceMs = this.#batches.reduce((sum, batch) => sum + (batch.serviceMs ?? 0), 0);
    const batch = `${last.node}, batch ${last.id} of ${last.operations}`;
    const retries = this.#batches.length - 1;
    return `wait;dur=${shown(this.#waitMs)}, service;dur=${shown(serviceMs)};desc="${batch}", retries;desc="${retries}"`;
  }
}

/** Rounded to microseconds. */
function shown(ms: number): string {
  return String(Math.round(ms * 1000) / 1000);
}
