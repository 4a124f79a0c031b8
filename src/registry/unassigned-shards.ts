/**
 * Which storage nodes get the shards that none owns. A shard with data goes back to the node that has it, or to a node of
 * the shared store that has it; the others are spread evenly (dealing.ts). A decision only: commands.ts turns it into the
 * next cluster map.
 */
import { epochMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import type { ClusterMap } from "./cluster-map.js";
import { sharedStoreOf } from "./commands/map-records.js";
import type { ShardChange } from "./commands/shard-change.js";
import { dealt, loadsOf } from "./dealing.js";

/** What a storage node reports of a shard it has, assigned or not. */
export interface HeldShard {
  readonly shard: number;
  readonly node: string;
  /** The highest epoch it claimed; null: none. */
  readonly epoch: number | null;
  /** The highest epoch at which it gave the shard up; 0: none. */
  readonly releasedEpoch: number;
  readonly keyCount: number;
}

/**
 * A change for every shard without an owner; none when no live node is registered. A shard that live nodes have keys of
 * goes to the one with the highest epoch, then the most keys, then the first name; if that one's store is shared, to any
 * live node of the store. The rest go, in the order of their numbers with the bits reversed, to the node with the fewest
 * shards by then, the first name among equals. Nodes that drain get none. Epochs surpass all that `held` reports. In a
 * recovered map a node that gave a shard up is no holder, and a shard without a holder is left alone: its owner may not
 * have registered yet.
 */
export function planUnassigned(
  map: ClusterMap,
  liveNodes: readonly string[],
  held: readonly HeldShard[],
): ReadonlyMap<ShardNumber, ShardChange> {
  const live = new Set(liveNodes.filter((name) => map.nodes.get(name)?.isDraining === false));
  const changes = new Map<ShardNumber, ShardChange>();
  const unassigned = map.shards.filter(({ primary }) => primary === null);
  if (live.size === 0 || unassigned.length === 0) return changes;
  const reports = reportsByShard(held);
  const loads = loadsOf(map.shards, live);
  const free: ShardNumber[] = [];
  const stored = new Map<string, ShardNumber[]>();
  const give = (shard: ShardNumber, node: string, cause: ShardChange["cause"]): void => {
    changes.set(shard, { node, cause, epochMin: epochAbove(reports.get(shard) ?? []) });
    loads.set(node, (loads.get(node) ?? 0) + 1);
  };
  // First all that are bound to a node, then to a store, so that the spreading makes up for them.
  for (const { shard } of unassigned) {
    const reported = reports.get(shard) ?? [];
    const holder = holderOf(map, map.isRecovered ? reported.filter(isKept) : reported, live);
    const store = holder === null ? null : sharedStoreOf(map, holder);
    if (store !== null) stored.set(store, [...(stored.get(store) ?? []), shard]);
    else if (holder !== null) give(shard, holder, "registration");
    else if (!map.isRecovered) free.push(shard);
  }
  for (const [store, shards] of stored) {
    const ofStore = new Map([...loads].filter(([name]) => sharedStoreOf(map, name) === store));
    for (const [shard, node] of dealt(shards, ofStore, map.shardCount)) give(shard, node, "automatic");
  }
  for (const [shard, node] of dealt(free, loads, map.shardCount)) give(shard, node, "automatic");
  return changes;
}

/** A report with an epoch that has no successor is a broken node's; it must not stop the assignment of all others. */
function reportsByShard(held: readonly HeldShard[]): ReadonlyMap<number, readonly HeldShard[]> {
  const reports = new Map<number, HeldShard[]>();
  for (const report of held) {
    if (Math.max(report.epoch ?? 0, report.releasedEpoch) >= epochMax) continue;
    const others = reports.get(report.shard);
    if (others === undefined) reports.set(report.shard, [report]);
    else others.push(report);
  }
  return reports;
}

/** The storage node did not give the shard up to another one. */
function isKept({ epoch, releasedEpoch }: HeldShard): boolean {
  return releasedEpoch === 0 || (epoch ?? 0) > releasedEpoch;
}

function epochAbove(reports: readonly HeldShard[]): number {
  return Math.max(0, ...reports.map(({ epoch, releasedEpoch }) => Math.max(epoch ?? -1, releasedEpoch) + 1));
}

/** Each node of a shared store says what is in the store, also one that gets no shards. */
function holderOf(map: ClusterMap, reports: readonly HeldShard[], live: ReadonlySet<string>): string | null {
  const [best] = reports
    .filter(({ node, keyCount }) => keyCount > 0 && (live.has(node) || sharedStoreOf(map, node) !== null))
    .toSorted((a, b) => (b.epoch ?? -1) - (a.epoch ?? -1) || b.keyCount - a.keyCount || (a.node < b.node ? -1 : 1));
  return best === undefined ? null : best.node;
}
