/**
 * Shuts a storage node down: finishes the accepted requests, refuses all others, and closes everything that the node
 * opened.
 */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.js";
import { drainTimeoutMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { StorageEngine } from "../storage/engine.js";
import type { UpgradedConnections } from "./frames/frame-upgrade.js";
import type { Gate } from "./http/gate.js";
import type { Agent } from "./membership/agent.js";
import type { ShardHost } from "./shards/shard-host.js";
import { resultWithin } from "./shards/work-deadline.js";

/**
 * How long a drained storage node keeps refusing: its gateways stop sending at the first refusal, so that no write is
 * in flight, with an unknown outcome, when the connections close.
 */
export const refusingMs = 200;

export interface Draining {
  readonly app: FastifyInstance;
  readonly gate: Gate;
  readonly frames: UpgradedConnections;
  readonly shardHost: ShardHost;
  readonly agent: Agent | null;
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly log: Log;
}

/** See `StorageNode.drain`. May be called once only. */
export async function drainNode({ app, gate, frames, shardHost, agent, engine, clock, log }: Draining): Promise<void> {
  const drained = gate.close().then(() => shardHost.drain());
  frames.sayGoodbye();
  const isFinished = await resultWithin(
    clock,
    drainTimeoutMs,
    drained.then(() => true),
    false,
  );
  if (!isFinished) {
    log.warn(
      { drainTimeoutMs },
      "The drain took too long; unfinished requests were cut off, and their callers try again elsewhere.",
    );
    shardHost.abandon();
  }
  // The agent stops before the last refusals are sent, because a heartbeat would make the gateway send requests here
  // again.
  await agent?.stop();
  if (isFinished) await new Promise<void>((resolve) => clock.after(refusingMs, resolve));
  if (isFinished) frames.end();
  else frames.cut();
  await app.close();
  await engine.close();
  log.info({}, "The storage node stopped.");
}
