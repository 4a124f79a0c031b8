/**
 * What a storage node's heartbeats say of the way to its store, and what follows: when others take over its shards, and when
 * it may be given some. Storage nodes notice the same outage up to two seconds apart, so both wait for longer than that; while
 * the whole database is away, all have said so by then, and nothing moves. Pure.
 */
import type { ClusterMap } from "../../registry/cluster-map.js";
import { ownedShards } from "../../routing/owned-shards.js";
import type { NodeProblem } from "../../wire/node-report.js";

/** Longer than two storage nodes' sweeps and heartbeats can be apart, which come once a second each. */
export const storeDoubtMs = 3_000;

/** Times are monotonic. */
export interface StoreContact {
  /** When it first said that it cannot reach its store; null: it can. */
  readonly lostSinceMs: number | null;
  /** When it last said that it can again; null: it could always. */
  readonly foundAtMs: number | null;
}

export const neverLost: StoreContact = { lostSinceMs: null, foundAtMs: null };

export function contactAfter(contact: StoreContact, isStoreLost: boolean, nowMs: number): StoreContact {
  const { lostSinceMs, foundAtMs } = contact;
  if (isStoreLost) return { lostSinceMs: lostSinceMs ?? nowMs, foundAtMs };
  return lostSinceMs === null ? contact : { lostSinceMs: null, foundAtMs: nowMs };
}

/** Whether others should have its shards, if they reach the store. */
export function isCutOff({ lostSinceMs }: StoreContact, nowMs: number): boolean {
  return lostSinceMs !== null && nowMs - lostSinceMs >= storeDoubtMs;
}

/** Whether it may be given shards. */
export function isInContact({ lostSinceMs, foundAtMs }: StoreContact, nowMs: number): boolean {
  return lostSinceMs === null && (foundAtMs === null || nowMs - foundAtMs >= storeDoubtMs);
}

/** What operators read of it. */
export function lostStore(map: ClusterMap, name: string): NodeProblem {
  return {
    code: "SHARD_UNAVAILABLE",
    message: `Storage node ${name} cannot reach its database.`,
    advice:
      "Check the database, and the network from the storage node to it; the storage node's log has the cause. It goes on by " +
      "itself. Meanwhile other storage nodes of its store that reach the database take over its shards.",
    shards: ownedShards(map, name).map(({ shard }) => shard),
    storeId: map.nodes.get(name)?.storeId ?? null,
  };
}
