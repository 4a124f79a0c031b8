/**
 * Sends the registrations and heartbeats of a storage node to one of its gateways: to each at most once, until one gives a
 * usable answer or a refusal that no other gateway would take back. Which one is asked first is decided in gateway-order.ts.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError, type ErrorCode } from "../../core/error.js";
import { attemptTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { GatewayCalls } from "./gateway-calls.js";
import { GatewayOrder } from "./gateway-order.js";
import type { MembershipGateway } from "./membership-loop.js";

/**
 * How long a gateway may take to answer a heartbeat where there are others. With the pause between heartbeats, a storage node
 * asks the next gateway within two seconds of the end of its own: long before it would be SUSPECT.
 */
const heartbeatTimeoutMs = 1_000;

export interface GatewayRoundsParts {
  /** Of the gateways, at least one. */
  readonly gatewayUrls: readonly string[];
  readonly calls: Pick<GatewayCalls, "post" | "close">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

export class GatewayRounds implements MembershipGateway {
  readonly #parts: GatewayRoundsParts;
  readonly #order: GatewayOrder;
  /** Gateways that gave no usable answer when they were asked last; each is logged once. */
  readonly #failing = new Set<string>();
  #answering: string | null = null;
  #url: string;
  #isClosed = false;

  constructor(parts: GatewayRoundsParts) {
    this.#parts = parts;
    this.#order = new GatewayOrder(parts.gatewayUrls);
    this.#url = parts.gatewayUrls[0] ?? "";
  }

  get url(): string {
    return this.#url;
  }

  register(registration: NodeRegistration): Promise<NodeAssignments> {
    return this.#ask("/nodes", registration, attemptTimeoutMs);
  }

  heartbeat(name: string, heartbeat: Heartbeat): Promise<NodeAssignments> {
    const timeoutMs = this.#order.hasSeveral ? heartbeatTimeoutMs : attemptTimeoutMs;
    return this.#ask(`/nodes/${encodeURIComponent(name)}/heartbeat`, heartbeat, timeoutMs);
  }

  /** The call in flight is rejected, and no other gateway is asked. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#parts.calls.close();
  }

  /** Rejects with the first refusal when no gateway gave a usable answer, or else with the last failure. */
  async #ask(path: string, content: Heartbeat | NodeRegistration, timeoutMs: number): Promise<NodeAssignments> {
    const { calls, clock } = this.#parts;
    const body = JSON.stringify(content);
    let failure: unknown;
    const nowMs = clock.monotonicMs();
    for (const url of this.#order.round(nowMs)) {
      if (failure instanceof ShardgateError && this.#order.isSilent(url, nowMs)) continue;
      this.#url = url;
      try {
        const answer = await calls.post(`${url.replace(/\/+$/, "")}${path}`, body, timeoutMs);
        this.#answered(url, answer.leader ?? null);
        return answer;
      } catch (error) {
        if (this.#isClosed) throw error;
        if (isForAll(error)) {
          if (!asksToRegister.has(error.code)) this.#order.refused();
          throw error;
        }
        if (error instanceof ShardgateError) this.#order.unable(url);
        else this.#order.silent(url, clock.monotonicMs());
        this.#noteFailure(url, error);
        if (!(failure instanceof ShardgateError)) failure = error;
      }
    }
    throw failure;
  }

  #answered(url: string, leader: string | null): void {
    const { clock, log } = this.#parts;
    this.#order.answered(url, leader, clock.monotonicMs());
    this.#failing.delete(url);
    const before = this.#answering;
    this.#answering = url;
    if (before === null || before === url) return;
    log.info({ gatewayUrl: url, before }, "The storage node reports to another gateway from now on.");
  }

  /** Without other gateways the caller's own report says it all. */
  #noteFailure(url: string, error: unknown): void {
    if (!this.#order.hasSeveral || this.#failing.has(url)) return;
    this.#failing.add(url);
    this.#parts.log.warn({ gatewayUrl: url, err: error }, "A gateway gave no usable answer; others are asked instead.");
  }
}

/**
 * Whether any gateway would refuse the same. If the error is retryable, or the gateway's own fault, another gateway may
 * succeed.
 */
function isForAll(error: unknown): error is ShardgateError {
  if (!(error instanceof ShardgateError)) return false;
  const { isRetryable, httpStatus } = error.rule;
  return asksToRegister.has(error.code) || (!isRetryable && httpStatus < 500);
}

/** Codes by which a working gateway asks the storage node to register (again) with it. */
const asksToRegister: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NODE_NOT_FOUND", "REGISTRY_PUT_BACK"]);
