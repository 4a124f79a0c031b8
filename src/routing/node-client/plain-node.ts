/**
 * The fall-back for a storage node that has only the three plain routes: one request per key, with bounded concurrency.
 * Such a node keeps no versions and times, so both are null, and operations that need them are refused without being
 * sent. Each key fails on its own.
 */
import { plainNodeInFlightMax } from "../../core/limits.js";
import type { Operation, Outcome, RoutedOperation } from "../../core/operation.js";
import type { StopSignal } from "../../core/tasks/stop-signal.js";
import { isNodesFault } from "./node-blame.js";
import { NodeFault, PlainNodeFault } from "./node-client.js";
import type { NodeLine } from "./node-exchange.js";
import { isPlain, runAtPlainNode, type PlainOperation } from "./plain-routes.js";
import { isWrite, refused, refusedBecause } from "../refusal.js";

interface PlainRequest {
  readonly operation: PlainOperation;
  readonly epoch: number | null;
  /** Index of the operation's outcome. */
  readonly index: number;
}

export class PlainNode {
  readonly #slots = new Slots(plainNodeInFlightMax);

  /**
   * Resolves to one outcome per operation, in order. Rejects with a PlainNodeFault when no operation that was sent got
   * an answer.
   */
  async execute(
    line: NodeLine,
    operations: readonly RoutedOperation[],
    signal: StopSignal,
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = operations.map(({ operation }) => notSupported(operation, line.node));
    const faults: NodeFault[] = [];
    const requests = operations.flatMap(({ operation, epoch }, index) =>
      isPlain(operation) ? [{ operation, epoch, index }] : [],
    );
    await Promise.all(
      sequencesOf(requests).map((sequence) =>
        this.#slots.run(() => runInOrder(line, sequence, { outcomes, faults }, signal)),
      ),
    );
    const fault = faults.find(isNodesFault) ?? faults[0];
    if (fault !== undefined && faults.length === requests.length) throw new PlainNodeFault(fault, outcomes);
    return outcomes;
  }
}

interface Results {
  readonly outcomes: Outcome[];
  readonly faults: NodeFault[];
}

async function runInOrder(
  line: NodeLine,
  sequence: readonly PlainRequest[],
  { outcomes, faults }: Results,
  signal: StopSignal,
): Promise<void> {
  let isInDoubt = false;
  for (const request of sequence) {
    const { operation, index } = request;
    try {
      // A write of unknown outcome may still arrive, so a later write of its key is not sent: the earlier one might
      // overwrite it.
      if (isInDoubt && isWrite(operation)) throw overtaken(line);
      outcomes[index] = await runAtPlainNode(line, request, signal);
    } catch (error) {
      if (!(error instanceof NodeFault)) throw error;
      faults.push(error);
      outcomes[index] = refusedBecause(operation, error.message, error.isUnsent);
      isInDoubt ||= isWrite(operation) && !error.isUnsent;
    }
  }
}

function overtaken({ node }: NodeLine): NodeFault {
  const message = `the outcome of an earlier write of the key at ${node} is unknown, so this one was not sent`;
  return new NodeFault("aborted", message, true);
}

/** Limits the number of concurrent tasks; the others wait their turn in order. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#free = max;
  }

  async run(task: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

function notSupported({ kind, shard }: Operation, node: string): Outcome {
  const what = kind === "scan" ? "no scans" : "no conditions and no expiry";
  return refused("NOT_SUPPORTED", `Shard ${shard} is on ${node}, a plain storage node, which supports ${what}.`);
}

/**
 * The requests grouped by key, in order. Those of one key run one after another, so that its writes keep their order.
 */
function sequencesOf(requests: readonly PlainRequest[]): readonly (readonly PlainRequest[])[] {
  const byKey = new Map<string, PlainRequest[]>();
  for (const request of requests) {
    const sequence = byKey.get(request.operation.key);
    if (sequence === undefined) byKey.set(request.operation.key, [request]);
    else sequence.push(request);
  }
  return [...byKey.values()];
}
