/**
 * Waits for a registry on servers. A machine that starts may run its gateway before the registry answers, and a supervisor
 * gives up on a gateway that ends again and again, so the gateway waits.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { pause } from "../../core/tasks/pause.js";

/** How often a registry that does not answer is tried again. */
const retryMs = 1_000;

export interface WaitParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** Thrown where the process was asked to stop before the registry answered. */
export class StoppedWaiting extends Error {}

/**
 * What `open` resolves to, as soon as it does not reject with REGISTRY_UNAVAILABLE. Each new cause is logged once. Throws
 * StoppedWaiting, and every other error of `open`.
 */
export async function untilRegistryAnswers<Opened>(open: () => Promise<Opened>, parts: WaitParts): Promise<Opened> {
  const { clock, log, signal } = parts;
  let cause: string | null = null;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof ShardgateError) || error.code !== "REGISTRY_UNAVAILABLE") throw error;
      if (error.message !== cause) log.warn({ err: error }, waiting(error.message));
      cause = error.message;
    }
    await pause(clock, retryMs, signal);
    if (signal.aborted) throw new StoppedWaiting(cause);
  }
}

function waiting(cause: string): string {
  return `The gateway waits for its registry before it serves, and tries again every second. ${cause}`;
}
