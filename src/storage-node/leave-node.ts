/**
 * Hands the shards of a storage node over before it ends, where other storage nodes of its store can take them over at
 * once. The node serves meanwhile.
 */
import type { Clock } from "../core/clock.js";
import type { Log } from "../core/log.js";
import type { Agent } from "./membership/agent.js";
import type { ShardHost } from "./shards/shard-host.js";

/**
 * How long a storage node waits for others to take its shards over: a takeover takes a moment where there is another node,
 * and where a new gateway has to take the lead first, most of these five seconds.
 */
export const leavingMsMax = 5_000;
/** Interval of looking whether the node still has shards. */
const leavingCheckMs = 50;

export interface Leaving {
  readonly shardHost: Pick<ShardHost, "isStoreShared" | "isAcknowledged" | "hostedCount" | "refresh">;
  /** Null in a process that sends no heartbeats: it sees in the store that its shards are gone. */
  readonly agent: Pick<Agent, "leave" | "isHeard"> | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** See `StorageNode.leave`. */
export async function leaveNode({ shardHost, agent, clock, log }: Leaving): Promise<void> {
  if (!shardHost.isStoreShared || !shardHost.isAcknowledged || shardHost.hostedCount === 0) return;
  const untilMs = clock.monotonicMs() + leavingMsMax;
  agent?.leave();
  while (shardHost.hostedCount > 0 && clock.monotonicMs() < untilMs && agent?.isHeard !== false) {
    await new Promise<void>((resolve) => clock.after(leavingCheckMs, resolve));
    // The drain that follows does not depend on this.
    await shardHost.refresh().catch(() => {});
  }
  const shards = shardHost.hostedCount;
  if (shards === 0) log.info({}, "Other storage nodes of the store have taken over all shards of this one.");
  else log.warn({ shards }, "No other storage node has taken over these shards; their keys are unavailable for now.");
}
