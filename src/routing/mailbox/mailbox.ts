/**
 * The queue to one storage node: collects the operations of all requests and shards, packs them into few batches,
 * passes these to the node's client and returns the outcomes. `planBatch` decides what is sent when; the circuit
 * decides whether anything is sent. Callers share batches only: each is answered at its own deadline or abort, without
 * an effect on the others.
 */
import type { Key } from "../../core/key.js";
import type { Outcome } from "../../core/operation.js";
import type { Tracer } from "../../core/tracing.js";
import type { NodeRecord, ShardRecord } from "../../registry/cluster-map.js";
import { Batch } from "./batch.js";
import { Circuit, type CircuitParts } from "./circuit.js";
import type { Deadlines } from "./deadlines.js";
import { Lanes, laneOperationsMax, type Lane } from "./lanes.js";
import { eagerBelow, planBatch } from "./mailbox-plan.js";
import type { NextTurn } from "./next-turn.js";
import { faultOf } from "../node-client/node-blame.js";
import { PlainNodeFault, type NodeCallOptions, type NodeClient } from "../node-client/node-client.js";
import type { BreakerKind, UnsentReason } from "../observer.js";
import { isWrite, nodeText, refused, refusedBecause, unansweredBecause } from "../refusal.js";
import type { Letter, Submission, WaitingRoom } from "./submission.js";

/** What the mailboxes of all storage nodes share. */
export interface MailboxParts extends CircuitParts {
  /** The share of the time, from 0 to 1, for which this process is busy. */
  readonly utilization: () => number;
  /** Traces batches whose callers are traced. */
  readonly tracer?: Tracer;
  /** Draws the id of each batch, which gateway and storage node log. */
  readonly nextBatchId: () => string;
  readonly deadlines: Deadlines<Submission>;
  readonly turn: NextTurn;
}

export interface MailboxFigures {
  /** Smoothed latency of recent batches, in milliseconds; null before the first. */
  readonly latencyMs: number | null;
  readonly breaker: BreakerKind;
  readonly queued: number;
}

export class Mailbox implements WaitingRoom {
  readonly record: NodeRecord;
  readonly client: NodeClient;
  readonly circuit: Circuit;
  readonly #parts: MailboxParts;
  readonly #lanes = new Lanes();
  readonly #keysInFlight = new Set<Key>();
  /** In flight: at most `mailboxInFlightMax`. */
  readonly #batches: Batch[] = [];
  #depthSeen = 0;
  #isLookPlanned = false;
  /** When the timer that ends the gathering is due; Infinity without a timer. */
  #wakeMs = Infinity;
  #cancelWake: () => void = () => {};
  /** Why the mailbox accepts no more operations; null while it does. */
  #closedBecause: string | null = null;
  #isRetired = false;
  readonly #look = (): void => this.#lookNow();

  constructor(record: NodeRecord, client: NodeClient, parts: MailboxParts) {
    this.record = record;
    this.client = client;
    this.#parts = parts;
    this.circuit = new Circuit(record, client, parts, (cause) => this.#refuseWaiting("breakerOpen", cause));
  }

  get deadlines(): Deadlines<Submission> {
    return this.#parts.deadlines;
  }

  get figures(): MailboxFigures {
    const { latencyMs, kind: breaker } = this.circuit;
    return { latencyMs, breaker, queued: this.#lanes.size };
  }

  /** Answers the submission at its caller's deadline at the latest, and at once while the breaker is open. */
  submit(submission: Submission): void {
    const { length } = submission.letters;
    const nowMs = this.#parts.clock.monotonicMs();
    const lane = this.#lanes.of(length);
    const refusal = this.#refusalOf(submission, nowMs);
    if (refusal !== null) {
      this.#unsent(refusal.reason, length);
      return submission.refuseUnsent(refusal.cause);
    }
    if (lane.size + length > laneOperationsMax) {
      this.#unsent("overloaded", length);
      const message = `${laneOperationsMax} operations are already waiting for ${nodeText(this.record)}, which is the maximum.`;
      return submission.refuse(() => refused("OVERLOADED", message));
    }
    submission.wait(this, nowMs);
    for (const letter of submission.letters) lane.add(letter);
    this.#planLook();
  }

  /** Answers the operations of one caller that are still open, and removes those not sent yet from the queue. */
  giveUp(submission: Submission, reason: "deadline" | "aborted"): void {
    const lane = this.#lanes.of(submission.letters.length);
    let unsent = 0;
    for (const letter of submission.letters) {
      if (submission.isAnswered(letter.index)) continue;
      if (lane.delete(letter)) unsent++;
      const cause = unansweredBecause(this.record, reason, letter.isSent);
      submission.answer(letter.index, refusedBecause(letter.operation, cause, !letter.isSent));
    }
    if (unsent > 0) this.#unsent(reason, unsent);
    this.#tellDepth();
  }

  /** Refuses what is not sent yet, and reads in flight, on shards whose epoch is another one in `shards`. */
  takenOver(shards: readonly Pick<ShardRecord, "epoch">[]): void {
    const cause = `${nodeText(this.record)} no longer owns it`;
    const isGone = ({ operation, epoch }: Letter): boolean => shards[operation.shard]?.epoch !== epoch;
    this.#refuseWaiting("takenOver", cause, isGone);
    for (const { letters } of this.#batches) {
      for (const letter of letters) {
        if (isWrite(letter.operation) || !isGone(letter)) continue;
        letter.submission.answer(letter.index, refusedBecause(letter.operation, cause, true));
      }
    }
  }

  /** Refuses waiting operations, waits for batches in flight, then closes the client. */
  retire(cause: string): void {
    this.#isRetired = true;
    this.#close(cause);
    if (this.#batches.length === 0) void this.client.close();
  }

  /** Refuses waiting operations and aborts batches in flight. */
  async close(): Promise<void> {
    this.#close(`the gateway is shutting down, and the operation was not sent to ${nodeText(this.record)}`);
    await this.client.close();
  }

  /** Why a submission is refused without waiting; null when it may wait. */
  #refusalOf({ context }: Submission, nowMs: number): { reason: UnsentReason; cause: string } | null {
    const cause = this.circuit.refusal(nowMs);
    if (cause !== null) return { reason: "breakerOpen", cause };
    if (this.#closedBecause !== null) return { reason: "closed", cause: this.#closedBecause };
    if (context.signal?.aborted === true)
      return { reason: "aborted", cause: unansweredBecause(this.record, "aborted", false) };
    if (nowMs < context.deadlineMs) return null;
    return { reason: "deadline", cause: unansweredBecause(this.record, "deadline", false) };
  }

  #planLook(): void {
    if (this.#isLookPlanned) return;
    this.#isLookPlanned = true;
    this.#parts.turn.plan(this.#look);
  }

  #lookNow(): void {
    this.#isLookPlanned = false;
    const nowMs = this.#parts.clock.monotonicMs();
    const [first, second] = this.#lanes.inTurn();
    const firstUntilMs = this.#sendFrom(first, nowMs);
    const secondUntilMs = this.#sendFrom(second, nowMs);
    this.#wakeAt(Math.min(firstUntilMs, secondUntilMs), nowMs);
    this.#tellDepth();
  }

  /**
   * Sends what may be sent now. Returns when the rest has gathered long enough; Infinity: not before an operation
   * arrives or a batch returns.
   */
  #sendFrom(lane: Lane, nowMs: number): number {
    while (lane.size > 0) {
      const all = this.circuit.inFlightMax;
      const plan = planBatch(lane, {
        inFlight: this.#batches.length,
        inFlightMax: lane.hasPlaceOf(all) ? all : 0,
        eagerBelow: this.#batches.length === 0 ? 1 : eagerBelow(this.#parts.utilization()),
        keysInFlight: this.#keysInFlight,
        nowMs,
      });
      if (plan.kind !== "send") return plan.kind === "wait" ? plan.untilMs : Infinity;
      this.#send(plan.batch, lane, nowMs);
    }
    return Infinity;
  }

  #wakeAt(dueMs: number, nowMs: number): void {
    if (dueMs === this.#wakeMs) return;
    this.#cancelWake();
    this.#wakeMs = dueMs;
    if (dueMs === Infinity) return;
    this.#cancelWake = this.#parts.clock.after(dueMs - nowMs, () => {
      this.#wakeMs = Infinity;
      this.#planLook();
    });
  }

  #send(letters: readonly Letter[], lane: Lane, nowMs: number): void {
    const { log, nextBatchId, observer, tracer } = this.#parts;
    lane.inFlight++;
    for (const letter of letters) {
      lane.delete(letter);
      letter.isSent = true;
      const { writtenKey } = letter;
      if (writtenKey !== null) this.#keysInFlight.add(writtenKey);
    }
    const batch = new Batch(nextBatchId(), letters, nowMs, log);
    this.#batches.push(batch);
    const { bytes, waitMs } = batch;
    observer.batchSent({ node: this.record.name, operations: letters.length, bytes, waitMs });
    const options = batch.leave(this.record, tracer);
    this.#call(letters, options).then(
      (outcomes) => this.#returned(batch, lane, this.#answered(batch, outcomes)),
      (error: unknown) => this.#returned(batch, lane, this.#failed(batch, error)),
    );
  }

  /** A client that throws instead of rejecting counts as a failed call too. */
  #call(letters: readonly Letter[], options: NodeCallOptions): Promise<readonly Outcome[]> {
    try {
      return this.client.execute(letters, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #answered(batch: Batch, outcomes: readonly Outcome[]): readonly Outcome[] {
    const { clock, log, observer } = this.#parts;
    const { id: batchId, waitMs } = batch;
    const { name: node } = this.record;
    const operations = batch.letters.length;
    if (outcomes.length !== operations) return this.#failed(batch, new Error(`It gave ${outcomes.length} outcomes.`));
    const nowMs = clock.monotonicMs();
    const serviceMs = nowMs - batch.sentMs;
    observer.batchAnswered({ node, operations, serviceMs });
    const hasServed = outcomes.some(({ kind }) => kind !== "refused");
    this.circuit.answered(serviceMs, nowMs, hasServed);
    batch.returned(outcomes, serviceMs, null);
    log.debug({ batchId, node, operations, waitMs, serviceMs }, "A batch was answered.");
    return outcomes;
  }

  #failed(batch: Batch, error: unknown): readonly Outcome[] {
    const { clock, observer } = this.#parts;
    const fault = faultOf(error, nodeText(this.record));
    const { reason, message, isUnsent } = fault;
    observer.batchFailed({ node: this.record.name, reason });
    batch.logFailure(this.record, fault);
    this.circuit.failed(fault, batch);
    const outcomes =
      fault instanceof PlainNodeFault
        ? fault.outcomes
        : batch.letters.map(({ operation }) => refusedBecause(operation, message, isUnsent));
    batch.returned(outcomes, clock.monotonicMs() - batch.sentMs, reason);
    return outcomes;
  }

  #returned(batch: Batch, lane: Lane, outcomes: readonly Outcome[]): void {
    this.#batches.splice(this.#batches.indexOf(batch), 1);
    lane.inFlight--;
    const { letters } = batch;
    if (this.#isRetired && this.#batches.length === 0) void this.client.close();
    letters.forEach((letter, index) => {
      const { writtenKey, operation, submission } = letter;
      if (writtenKey !== null) this.#keysInFlight.delete(writtenKey);
      submission.answer(letter.index, outcomes[index] ?? refusedBecause(operation, "it has no outcome", false));
    });
    if (this.#lanes.size > 0) return this.#planLook();
    this.#wakeAt(Infinity, 0);
    this.#tellDepth();
  }

  #close(cause: string): void {
    this.#closedBecause = cause;
    this.#refuseWaiting("closed", cause);
  }

  /** Refuses the operations not sent yet that are meant; batches in flight are not affected. */
  #refuseWaiting(reason: UnsentReason, cause: string, isMeant: (letter: Letter) => boolean = () => true): void {
    let unsent = 0;
    for (const lane of this.#lanes.inTurn()) {
      for (const letter of lane) {
        if (!isMeant(letter)) continue;
        lane.delete(letter);
        unsent++;
        letter.submission.answer(letter.index, refusedBecause(letter.operation, cause, true));
      }
    }
    if (unsent > 0) this.#unsent(reason, unsent);
    this.#tellDepth();
  }

  #tellDepth(): void {
    const operations = this.#lanes.size;
    if (operations === this.#depthSeen) return;
    this.#depthSeen = operations;
    this.#parts.observer.queueDepth({ node: this.record.name, operations });
  }

  #unsent(reason: UnsentReason, operations: number): void {
    this.#parts.observer.unsent({ node: this.record.name, reason, operations });
  }
}
