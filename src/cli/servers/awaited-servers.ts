/**
 * Waits for database servers. A machine that starts may run its gateway or storage node before they answer, and a
 * supervisor gives up on a process that ends again and again, so the process waits.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { pause } from "../../core/tasks/pause.js";

/** How often servers that do not answer are tried again. */
const retryMs = 1_000;

export interface WaitParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** Who waits for what. */
export interface Awaited {
  /** The code of the errors that a later try may not have. */
  readonly code: ErrorCode;
  /** "The gateway waits for its registry". */
  readonly sentence: string;
}

export const awaitedRegistry: Awaited = {
  code: "REGISTRY_UNAVAILABLE",
  sentence: "The gateway waits for its registry",
};

export const awaitedStore: Awaited = {
  code: "SHARD_UNAVAILABLE",
  sentence: "The storage node waits for its store",
};

/** Thrown where the process was asked to stop before the servers answered. */
export class StoppedWaiting extends Error {}

/**
 * What `open` resolves to, as soon as it does not reject with the code of `awaited`. Each new cause is logged once. Throws
 * StoppedWaiting, and every other error of `open`.
 */
export async function untilServersAnswer<Opened>(
  open: () => Promise<Opened>,
  { code, sentence }: Awaited,
  { clock, log, signal }: WaitParts,
): Promise<Opened> {
  let cause: string | null = null;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof ShardgateError) || error.code !== code) throw error;
      if (error.message !== cause) {
        log.warn({ err: error }, `${sentence} before it serves, and tries again every second. ${error.message}`);
      }
      cause = error.message;
    }
    await pause(clock, retryMs, signal);
    if (signal.aborted) throw new StoppedWaiting(cause);
  }
}
