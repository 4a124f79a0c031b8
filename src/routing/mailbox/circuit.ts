/**
 * Applies the decisions of breaker.ts to one storage node: judges the result of each batch, has the node probed while
 * the breaker is open, and reports each change of state.
 */
import type { Clock } from "../../core/clock.js";
import { connectTimeoutMs, mailboxInFlightMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { NodeRecord } from "../../registry/cluster-map.js";
import { afterFailure, afterSignOfLife, closedBreaker, isProbeDue, openBreaker, type Breaker } from "./breaker.js";
import { countsAgainstNode } from "../node-client/node-blame.js";
import type { NodeClient, NodeFault } from "../node-client/node-client.js";
import type { BreakerKind, RoutingObserver } from "../observer.js";

export interface CircuitParts {
  readonly clock: Clock;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly observer: RoutingObserver;
  /** Called with the name of a storage node each time that it refuses a connection. */
  readonly onRefused?: (node: string) => void;
  /** Called when the storage node may be asked again after its breaker was open. */
  readonly onUsable: (node: string) => void;
}

/** The weight of the newest batch in `latencyMs`. */
const latencyWeight = 0.2;

export class Circuit {
  readonly #record: NodeRecord;
  readonly #client: Pick<NodeClient, "probe">;
  readonly #parts: CircuitParts;
  readonly #onOpen: (cause: string) => void;
  #breaker: Breaker = closedBreaker;
  /** Why the breaker opened last. */
  #cause = "";
  #latencyMs: number | null = null;
  /** When the last batch was answered, on the monotonic clock. */
  #lastAnswerMs: number | null = null;
  /** When the node last executed an operation of a batch, on the monotonic clock. */
  #lastServedMs: number | null = null;
  /** Whether the node has refused a connection since the last `takeRefused`. */
  #isRefused = false;

  /** `onOpen` is called with the cause each time the breaker opens. */
  constructor(
    record: NodeRecord,
    client: Pick<NodeClient, "probe">,
    parts: CircuitParts,
    onOpen: (cause: string) => void,
  ) {
    this.#record = record;
    this.#client = client;
    this.#parts = parts;
    this.#onOpen = onOpen;
  }

  get kind(): BreakerKind {
    return this.#breaker.kind;
  }

  /** Smoothed latency of recent batches, in milliseconds; null before the first. */
  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  /** When the last batch was answered, on the monotonic clock; null if none was. */
  get lastAnswerMs(): number | null {
    return this.#lastAnswerMs;
  }

  /**
   * When the node last executed an operation of a batch, on the monotonic clock; null if it has not. One that refuses all of
   * them may be alive and serve nothing.
   */
  get lastServedMs(): number | null {
    return this.#lastServedMs;
  }

  /**
   * Whether the storage node has refused a connection since the last call of this function and since its last answer.
   */
  takeRefused(): boolean {
    const isRefused = this.#isRefused;
    this.#isRefused = false;
    return isRefused;
  }

  /** How many batches may be in flight now. */
  get inFlightMax(): number {
    return this.#breaker.kind === "closed" ? mailboxInFlightMax : 1;
  }

  /** Why no batch may be sent now; null when one may. */
  refusal(nowMs: number): string | null {
    if (this.#breaker.kind !== "open") return null;
    if (isProbeDue(this.#breaker, nowMs)) void this.#probe();
    return this.#cause;
  }

  /** Records that a batch was answered at `nowMs`, and whether any of its operations was executed. */
  answered(serviceMs: number, nowMs: number, hasServed: boolean): void {
    const before = this.#latencyMs ?? serviceMs;
    this.#latencyMs = before + (serviceMs - before) * latencyWeight;
    this.#lastAnswerMs = nowMs;
    if (hasServed) this.#lastServedMs = nowMs;
    this.#isRefused = false;
    this.#turn(closedBreaker);
  }

  /** Records that a batch got no usable answer. */
  failed(fault: NodeFault, { sentMs, timeoutMs }: { readonly sentMs: number; readonly timeoutMs: number }): void {
    const { clock, random, onRefused } = this.#parts;
    if (fault.reason === "connectionRefused" || fault.reason === "unreachable") {
      this.#isRefused = true;
      onRefused?.(this.#record.name);
    }
    if (!countsAgainstNode(fault, { sentMs, timeoutMs, lastAnswerMs: this.#lastAnswerMs })) return;
    this.#cause = `${fault.message}, and is not called for a moment`;
    // The earlier requests stop, the fewer are in flight when the draining node closes its connections.
    const isFinal = fault.reason === "draining";
    this.#turn(afterFailure(this.#breaker, { sentMs, nowMs: clock.monotonicMs(), random: random(), isFinal }));
  }

  /** Records a sign of life of the storage node: an open breaker lets one batch through. */
  reachable(): void {
    this.#turn(afterSignOfLife(this.#breaker, this.#parts.clock.monotonicMs()));
  }

  /** Probes in the background: no request waits for the result. The next probe is due only after another pause. */
  async #probe(): Promise<void> {
    const { clock, random } = this.#parts;
    this.#breaker = openBreaker(clock.monotonicMs(), random());
    try {
      await this.#client.probe({ timeoutMs: connectTimeoutMs });
    } catch {
      return;
    }
    this.reachable();
  }

  #turn(next: Breaker): void {
    const isNewState = next.kind !== this.#breaker.kind;
    this.#breaker = next;
    if (!isNewState) return;
    const { log, observer, onUsable } = this.#parts;
    const { name: node, url } = this.#record;
    observer.breakerChanged({ node, state: next.kind });
    if (next.kind === "open") {
      log.warn(
        { node, url, cause: this.#cause },
        "The storage node keeps failing, so its requests are refused for a moment. Check its process and its log.",
      );
      this.#onOpen(this.#cause);
    } else if (next.kind === "closed") {
      log.info({ node, url }, "The storage node is called again.");
    }
    if (next.kind !== "open") onUsable(node);
  }
}
