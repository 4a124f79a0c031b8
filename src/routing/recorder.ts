/**
 * Records for a receipt how one caller's operations travel: in which batch, how long each waited for it, and how long
 * the batch took. Callers without a recorder cost nothing: their batches create no record.
 */
import type { Operation, Outcome } from "../core/operation.js";
import type { NodeFaultReason } from "./node-client/node-client.js";

/** One batch in the form that its callers may see: its figures, without the keys of other callers. */
export interface BatchRecord {
  /** The batch's id in the logs of gateway and storage node. */
  readonly id: string;
  readonly node: string;
  /** Number of operations, of all callers. */
  readonly operations: number;
  /** Milliseconds from sending to the answer; null while the batch is in flight. */
  readonly serviceMs: number | null;
  /** Why there was no usable answer; null when there was one, or while the batch is in flight. */
  readonly fault: NodeFaultReason | null;
}

export interface RouteRecorder {
  /** The operation leaves in `batch`, after it waited `waitMs`. Called once for each attempt. */
  sent(operation: Operation, batch: BatchRecord, waitMs: number): void;
  /** The outcome of one attempt, before it is decided whether to retry. */
  answered(operation: Operation, outcome: Outcome): void;
}

/** An operation of a batch whose caller has a recorder. */
export interface WatchedOperation {
  /** Index of the operation in the batch. */
  readonly index: number;
  readonly operation: Operation;
  readonly waitMs: number;
  readonly recorder: RouteRecorder;
}

/** The record of a batch that has at least one recorder, during its flight and afterwards. */
export class WatchedBatch implements BatchRecord {
  readonly id: string;
  readonly node: string;
  readonly operations: number;
  serviceMs: number | null = null;
  fault: NodeFaultReason | null = null;
  readonly #watched: readonly WatchedOperation[];

  /** Created when the batch is sent. */
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

  /** `outcomes`: one per operation of the batch, in order. */
  returned(outcomes: readonly Outcome[], serviceMs: number, fault: NodeFaultReason | null): void {
    this.serviceMs = serviceMs;
    this.fault = fault;
    for (const { index, operation, recorder } of this.#watched) {
      const outcome = outcomes[index];
      if (outcome !== undefined) recorder.answered(operation, outcome);
    }
  }
}
