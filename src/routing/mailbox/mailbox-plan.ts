/**
 * Decides what a mailbox sends now, as a pure function. While few batches are in flight, waiting operations leave at
 * once. Otherwise they gather until a batch returns, the oldest has waited `mailboxWaitMs`, or a batch is full.
 * Operations leave in order of arrival, except that a write waits while a batch with a write of its key is in flight:
 * two batches may overtake each other, writes of one key must not.
 */
import type { Key } from "../../core/key.js";
import { mailboxInFlightMax, nodeBatchBytesMax, nodeBatchOperationsMax } from "../../core/limits.js";

/** How long an operation may wait for others while a batch to its storage node is in flight. */
export const mailboxWaitMs = 2;

/**
 * Up to this utilization of the gateway's event loop every operation leaves at once, in as many batches as may be in
 * flight; from `gatheringFrom` on, operations gather while a single batch is in flight. Separate batches cost CPU time,
 * which an idle gateway has and a busy one must save.
 */
const noGatheringUpTo = 0.7;
const gatheringFrom = 0.95;

export interface WaitingOperation {
  /** The key that the operation writes; null for a read. */
  readonly writtenKey: Key | null;
  /** Bytes of the value that the operation carries. */
  readonly valueBytes: number;
  /** When the operation arrived, on the monotonic clock. */
  readonly sinceMs: number;
}

export interface MailboxLoad {
  readonly inFlight: number;
  readonly inFlightMax: number;
  /** While fewer batches than this are in flight, operations do not gather. See `eagerBelow`. */
  readonly eagerBelow: number;
  /** Keys that are written by batches in flight. */
  readonly keysInFlight: ReadonlySet<Key>;
  readonly nowMs: number;
}

export type MailboxPlan<Waiting> =
  | { readonly kind: "send"; readonly batch: readonly Waiting[] }
  /** On the clock of `nowMs`. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** Nothing can be sent until an operation arrives or a batch returns. */
  | { readonly kind: "idle" };

/** `waiting`: oldest first. */
export function planBatch<Waiting extends WaitingOperation>(
  waiting: Iterable<Waiting>,
  load: MailboxLoad,
): MailboxPlan<Waiting> {
  if (load.inFlight >= load.inFlightMax) return { kind: "idle" };
  const { batch, isFull } = nextBatch(waiting, load.keysInFlight);
  const oldest = batch[0];
  if (oldest === undefined) return { kind: "idle" };
  const untilMs = oldest.sinceMs + mailboxWaitMs;
  if (load.inFlight < load.eagerBelow || isFull || load.nowMs >= untilMs) return { kind: "send", batch };
  return { kind: "wait", untilMs };
}

/**
 * The number of batches in flight below which operations leave at once, for an event loop that is busy for this share
 * of the time: all of them when it is idle, one when it is saturated.
 */
export function eagerBelow(utilization: number): number {
  const idleness = (gatheringFrom - utilization) / (gatheringFrom - noGatheringUpTo);
  return 1 + Math.floor((mailboxInFlightMax - 1) * Math.min(1, Math.max(0, idleness)));
}

function nextBatch<Waiting extends WaitingOperation>(
  waiting: Iterable<Waiting>,
  keysInFlight: ReadonlySet<Key>,
): { readonly batch: readonly Waiting[]; readonly isFull: boolean } {
  const batch: Waiting[] = [];
  let bytes = 0;
  for (const one of waiting) {
    if (one.writtenKey !== null && keysInFlight.has(one.writtenKey)) continue;
    // A single value always fits: valueBytesMax is far below nodeBatchBytesMax.
    if (batch.length > 0 && bytes + one.valueBytes > nodeBatchBytesMax) return { batch, isFull: true };
    batch.push(one);
    bytes += one.valueBytes;
    if (batch.length === nodeBatchOperationsMax) return { batch, isFull: true };
  }
  return { batch, isFull: false };
}
