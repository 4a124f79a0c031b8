/**
 * Who gets the shards that nobody owns, or whose owner the map forgot. A shard with data goes back to the storage node
 * that has it; the others are spread evenly. A decision only: commands.ts turns it into the next cluster map.
 */
import { epochMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import type { ClusterMap, ShardRecord } from "./cluster-map.js";
import type { ShardChange } from "./shard-change.js";

/** What a storage node reports of a shard it has, assigned or not. */
export interface HeldShard {
  readonly shard: number;
  readonly node: string;
  /** The last epoch it was told; null when none. */
  readonly epoch: number | null;
  readonly keyCount: number;
}

/**
 * A change for every shard without a primary, and for every forgotten one whose primary is live and has no keys of it;
 * none when no live node is registered. A shard that live nodes have keys of goes to the one with the highest epoch, then
 * the most keys, then the first name. The rest go, in shard order, to whoever has fewest shards by then, the first name
 * among equals. Epochs surpass every one that `held` reports.
 */
export function planUnassigned(
  map: ClusterMap,
  liveNodes: readonly string[],
  held: readonly HeldShard[],
): ReadonlyMap<ShardNumber, ShardChange> {
  const live = [...new Set(liveNodes)].filter((name) => map.nodes.has(name)).toSorted();
  const changes = new Map<ShardNumber, ShardChange>();
  if (live.length === 0) return changes;
  const reports = reportsByShard(held);
  const unassigned = map.shards.filter((record) => {
    const reported = reports.get(record.shard) ?? [];
    return record.primary === null || (live.includes(record.primary) && isGivenUp(record, reported));
  });
  const loads = loadsOf(map.shards, live);

  const assign = (shard: ShardNumber, node: string, cause: ShardChange["cause"]): void => {
    const epochMin = Math.max(0, ...(reports.get(shard) ?? []).map(({ epoch }) => (epoch ?? -1) + 1));
    changes.set(shard, { node, cause, epochMin });
    loads.set(node, (loads.get(node) ?? 0) + 1);
  };
  // First all that are bound to a node, so that the spreading makes up for them.
  for (const { shard } of unassigned) {
    const holder = holderOf(reports.get(shard) ?? [], loads);
    if (holder !== null) assign(shard, holder, "registration");
  }
  for (const { shard } of unassigned) {
    if (!changes.has(shard)) assign(shard, leastLoaded(loads), "automatic");
  }
  return changes;
}

/**
 * Whether a storage node has keys of the shard under an epoch that this map never gave it: an owner whom the map does not
 * know, because the registry was lost or put back from an older copy. A map always outlives the epochs of former owners.
 */
export function isForgotten({ primary, epoch }: ShardRecord, report: HeldShard): boolean {
  return primary !== null && primary !== report.node && report.keyCount > 0 && (report.epoch ?? -1) >= epoch;
}

/** Nothing is lost by giving it back to a forgotten owner. */
function isGivenUp(record: ShardRecord, reports: readonly HeldShard[]): boolean {
  const isEmpty = !reports.some(({ node, keyCount }) => node === record.primary && keyCount > 0);
  return isEmpty && reports.some((report) => isForgotten(record, report));
}

/** A report with an epoch that has no successor is a broken node's; it must not stop the assignment of all others. */
function reportsByShard(held: readonly HeldShard[]): ReadonlyMap<number, readonly HeldShard[]> {
  const reports = new Map<number, HeldShard[]>();
  for (const report of held) {
    if (report.epoch !== null && report.epoch >= epochMax) continue;
    const others = reports.get(report.shard);
    if (others === undefined) reports.set(report.shard, [report]);
    else others.push(report);
  }
  return reports;
}

/** Shards per live node, in the order of `live`. */
function loadsOf(shards: readonly ShardRecord[], live: readonly string[]): Map<string, number> {
  const loads = new Map(live.map((name) => [name, 0]));
  for (const { primary } of shards) {
    const load = primary === null ? undefined : loads.get(primary);
    if (primary !== null && load !== undefined) loads.set(primary, load + 1);
  }
  return loads;
}

function holderOf(reports: readonly HeldShard[], live: ReadonlyMap<string, number>): string | null {
  const [best] = reports
    .filter(({ node, keyCount }) => keyCount > 0 && live.has(node))
    .toSorted((a, b) => (b.epoch ?? -1) - (a.epoch ?? -1) || b.keyCount - a.keyCount || (a.node < b.node ? -1 : 1));
  return best === undefined ? null : best.node;
}

/** The first of the smallest; `loads` is never empty. */
function leastLoaded(loads: ReadonlyMap<string, number>): string {
  let least = { name: "", load: Infinity };
  for (const [name, load] of loads) if (load < least.load) least = { name, load };
  return least.name;
}
