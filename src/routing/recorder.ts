/**
 * Who wants to know how one caller's operations travel, for a receipt: in which batch, how long each waited for it, and
 * what the batch took. Callers without a recorder cost nothing: a batch that nobody watches makes no record.
 */
import type { Operation, Outcome } from "../core/operation.js";
import type { NodeFaultReason } from "./node-client/node-client.js";

/** One batch as its callers may see it: its figures, and nothing of other callers' keys. */
export interface BatchRecord {
  /** In the logs of gateway and storage node. */
  readonly id: string;
  readonly node: string;
  /** Of all callers. */
  readonly operations: number;
  /** From leaving to returning, milliseconds; null while it is under way. */
  readonly serviceMs: number | null;
  /** Why it got no usable answer; null when it got one, or is under way. */
  readonly fault: NodeFaultReason | null;
}

export interface RouteRecorder {
  /** The operation leaves in `batch`, for which it waited `waitMs`. Told once for each attempt. */
  sent(operation: Operation, batch: BatchRecord, waitMs: number): void;
  /** What the batch brought for it, before anyone decides to try again. */
  answered(operation: Operation, outcome: Outcome): void;
}

/** An operation of a batch whose caller has a recorder. */
export interface WatchedOperation {
  /** In the batch. */
  readonly index: number;
  readonly operation: Operation;
  readonly waitMs: number;
  readonly recorder: RouteRecorder;
}

/** The record of a batch that somebody watches, while it is under way and after. */
export class WatchedBatch implements BatchRecord {
  readonly id: string;
  readonly node: string;
  readonly operations: number;
  serviceMs: number | null = null;
  fault: NodeFaultReason | null = null;
  readonly #watched: readonly WatchedOperation[];

  /** It leaves now. */
  constructor(
    { id, node, operations }: Omit<BatchRecord, "serviceMs" | "fault">,
    watched: readonly WatchedOperation[],
  ) {
    this.id = id;
    this.node = node;
    this.operations = operations;
    this.#watched = watched;
    for (const { operation, recorder, waitMs } of watched) recorder.sent(operation, this, waitMs);
  }

  /** `outcomes`: of all its operations, in order. */
  returned(outcomes: readonly Outcome[], serviceMs: number, fault: NodeFaultReason | null): void {
    this.serviceMs = serviceMs;
    this.fault = fault;
    for (const { index, operation, recorder } of this.#watched) {
      const outcome = outcomes[index];
      if (outcome !== undefined) recorder.answered(operation, outcome);
    }
  }
}
