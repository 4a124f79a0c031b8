/** This process as a worker of a primary: its first call, and the calls that every worker may make. */
import { ShardgateError } from "../../../core/error.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { PrimaryCalls, WorkerBegin } from "./worker-calls.js";

/** Which worker this is and, as `Begin` says, what it begins with. */
export async function joinPrimary<Begin>(primary: Peer<PrimaryCalls>): Promise<WorkerBegin & Begin> {
  return (await primary.ask("begin", null)) as WorkerBegin & Begin;
}

/** The metrics of all workers. Rejects with OVERLOADED when the primary does not answer in time. */
export async function metricsOfAll(primary: Peer<PrimaryCalls>): Promise<string> {
  try {
    return await primary.ask("metrics", null);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw new ShardgateError("OVERLOADED", "The primary process did not report the workers' metrics in time.");
  }
}
