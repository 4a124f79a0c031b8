/**
 * What a mailbox sends now, as a pure decision. While few batches are in flight, whatever waits leaves at once; otherwise
 * newcomers gather until a batch returns, the oldest has waited `mailboxWaitMs`, or a batch is full. Operations leave in the
 * order they came, except that a write stays back while a batch with a write of its key is in flight: two batches may
 * overtake each other on the way, writes of one key must not.
 */
import type { Key } from "../../core/key.js";
import { mailboxInFlightMax, nodeBatchBytesMax, nodeBatchOperationsMax } from "../../core/limits.js";

/** How long an operation may gather with others while a batch to its storage node is in flight. */
export const mailboxWaitMs = 2;

/**
 * Up to this utilization of the gateway's event loop every operation leaves at once, in as many batches as may be in flight;
 * from `gatheringFrom` on, operations gather while a single batch is in flight. A batch of its own costs CPU time that an idle
 * gateway has and a busy one must save.
 */
const noGatheringUpTo = 0.7;
const gatheringFrom = 0.95;

export interface WaitingOperation {
  /** The key it writes; null for a read. */
  readonly writtenKey: Key | null;
  /** Of the value it carries. */
  readonly valueBytes: number;
  /** When it came, on the monotonic clock. */
  readonly sinceMs: number;
}

export interface MailboxLoad {
  readonly inFlight: number;
  readonly inFlightMax: number;
  /** While fewer are in flight, nothing gathers. See `eagerBelow`. */
  readonly eagerBelow: number;
  /** Keys that batches in flight write. */
  readonly keysInFlight: ReadonlySet<Key>;
  readonly nowMs: number;
}

export type MailboxPlan<Waiting> =
  | { readonly kind: "send"; readonly batch: readonly Waiting[] }
  /** On the clock of `nowMs`. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** Nothing can be sent before something arrives or returns. */
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
 * Below how many batches in flight whatever waits goes at once, with an event loop that works for this share of the time:
 * all of them while it has time, one when it has none.
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
