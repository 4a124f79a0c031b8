/**
 * Makes a storage node known to its gateways: registers it, sends a heartbeat every `heartbeatIntervalMs`, and hands
 * the assignments in the answers to the shard host, until it is stopped. A storage node that restarts in a loop
 * registers after a pause, because each start that is acknowledged takes new epochs.
 */
import { heartbeatIntervalMs } from "../../core/limits.js";
import { restartPauseMs } from "../identity/node-state.js";
import { GatewayCalls, type GatewayCallsParts } from "./gateway-calls.js";
import { GatewayRounds } from "./gateway-rounds.js";
import { MembershipLoop, type MembershipOptions } from "./membership-loop.js";

export interface AgentOptions extends MembershipOptions, GatewayCallsParts {
  /** Of the cluster's gateways, at least one. */
  readonly gatewayUrls: readonly string[];
}

export interface Agent {
  /** False when the storage node has said that it leaves, and no gateway has answered that at all. */
  readonly isHeard: boolean;
  /** From now on heartbeats say that the storage node is about to end: one at once, and then several a second. */
  leave(): void;
  /** Cancels the call in flight; resolves when the agent has stopped. */
  stop(): Promise<void>;
}

/** Interval of heartbeats of a storage node that is about to end. */
const leavingIntervalMs = 250;

export function startAgent(options: AgentOptions): Agent {
  const { clock } = options;
  const gateway = new GatewayRounds({ ...options, calls: new GatewayCalls(options) });
  const membership = new MembershipLoop(options, gateway);
  let isStopped = false;
  let isLeaving = false;
  let isHeard = true;
  let cancel: (() => void) | null = null;
  let beating = Promise.resolve();

  const beatAfter = (delayMs: number): void => {
    cancel = clock.after(delayMs, () => {
      cancel = null;
      beating = beat();
    });
  };
  async function beat(): Promise<void> {
    const saysLeaving = isLeaving;
    const isAnswered = await membership.beat(() => isStopped, isLeaving);
    if (saysLeaving) isHeard = isAnswered;
    if (isStopped) return;
    if (isLeaving) beatAfter(saysLeaving ? leavingIntervalMs : 0);
    else beatAfter(heartbeatIntervalMs);
  }
  const pauseMs = firstPauseMs(options);
  if (pauseMs > 0) beatAfter(pauseMs);
  else beating = beat();

  return {
    get isHeard() {
      return isHeard;
    },
    leave() {
      isLeaving = true;
      if (cancel === null) return;
      cancel();
      beatAfter(0);
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await gateway.close();
      await beating;
    },
  };
}

/** A process that was started again under an acknowledged start takes no new epochs, and waits for nothing. */
function firstPauseMs({ host, clock, log }: AgentOptions): number {
  const pauseMs = host.isAcknowledged ? 0 : restartPauseMs(host.document.starts, clock.nowMs());
  if (pauseMs > 0) {
    log.warn(
      { pauseMs },
      "This storage node was restarted very often within minutes, and each start uses up epochs of its shards, so it waits before it registers. Check the end of its earlier logs for the cause of the restarts.",
    );
  }
  return pauseMs;
}
