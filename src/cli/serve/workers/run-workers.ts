/**
 * The life of a primary process: its workers are started, serve until the primary is asked to stop, and end before it
 * does.
 */
import { drainTimeoutMs, stopMarginMs } from "../../../core/limits.js";
import type { Log } from "../../../core/log.js";
import type { Environment } from "../../environment/environment.js";
import type { StopRequest } from "../stop-request.js";
import type { WorkerCalls } from "./worker-calls.js";
import type { PrimarySeat } from "../../environment/worker-process.js";
import { Workers, type WorkersService } from "./workers.js";

export interface RunWorkersParts<Theirs extends WorkerCalls> {
  readonly seat: PrimarySeat;
  readonly count: number;
  readonly environment: Pick<Environment, "clock" | "stdout">;
  readonly log: Log;
  readonly stop: StopRequest;
  readonly service: WorkersService<Theirs>;
  /** How long a worker goes on serving when it is asked to stop for `reason`; by default 0. */
  drainDelayMs?(reason: string): number;
}

/** Resolves when all have ended well. Rejects as Workers does. */
export async function runWorkers<Theirs extends WorkerCalls>(parts: RunWorkersParts<Theirs>): Promise<void> {
  const { count, log, stop, environment } = parts;
  const { clock, stdout } = environment;
  const workers = new Workers<Theirs>({ ...parts, clock });
  // Longer than a worker's own time limit.
  const timeoutMs = drainTimeoutMs + 2 * stopMarginMs;
  let reason: string;
  try {
    const url = await Promise.race([workers.start(), stop.requested.then(() => null)]);
    if (url !== null) {
      log.info({ url, workers: count }, "All workers are serving requests.");
      stdout.write(`listening ${url}\n`);
    }
    reason = await stop.requested;
    log.info({ reason }, "Asking the workers to stop.");
  } catch (error) {
    // The caller gets the reason of the failed start, not that of the clean-up.
    await workers.stop(timeoutMs).catch(() => undefined);
    throw error;
  }
  // The same signal, by which a worker knows, too, whether a person or a supervisor stops it.
  const signal = reason === "SIGTERM" ? "SIGTERM" : "SIGINT";
  await workers.stop((parts.drainDelayMs?.(reason) ?? 0) + timeoutMs, signal);
}
