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

/** A wait for servers, for its log line. */
export interface Awaited {
  /** Codes of the errors that a later try may not have. */
  readonly codes: readonly ErrorCode[];
  /** "The gateway waits for its registry". */
  readonly sentence: string;
}

export const awaitedRegistry: Awaited = {
  codes: ["REGISTRY_UNAVAILABLE"],
  sentence: "The gateway waits for its registry",
};

/** What is done before a storage node serves may be done twice: also where the answer to a commit was lost. */
export const awaitedStore: Awaited = {
  codes: ["SHARD_UNAVAILABLE", "OUTCOME_UNKNOWN"],
  sentence: "The storage node waits for its store",
};

/** Thrown where the process was asked to stop before the servers answered. */
export class StoppedWaiting extends Error {}

/**
 * What `open` resolves to, as soon as it does not reject with a code of `awaited`. Each new cause is logged once. Throws
 * StoppedWaiting, and every other error of `open`.
 */
export async function untilServersAnswer<Opened>(
  open: () => Promise<Opened>,
  { codes, sentence }: Awaited,
  { clock, log, signal }: WaitParts,
): Promise<Opened> {
  let cause: string | null = null;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof ShardgateError) || !codes.includes(error.code)) throw error;
      if (error.message !== cause) {
        log.warn({ err: error }, `${sentence} before it serves, and tries again every second. ${error.message}`);
      }
      cause = error.message;
    }
    await pause(clock, retryMs, signal);
    if (signal.aborted) throw new StoppedWaiting(cause);
  }
}
