/**
 * Which storage nodes get the shards that none owns. A shard with data goes back to the node that has it; the others are
 * spread evenly, in an order that mixes the bits of their numbers. A decision only: commands.ts turns it into the next
 * cluster map.
 *
 * Why mixed: the lowest bit of FNV-1a is the exclusive or of the lowest bits of all bytes. Keys that end in a check digit,
 * such as ISBN-13 and EAN, all have the same one, so with an even shardCount they fill only every other shard, and half of
 * the shards stay empty (an odd shardCount fills all). Dealt out in turn, two nodes would have got all keys and none.
 */
import { epochMax } from "../core/limits.js";
import type { ShardNumber } from "../core/shard.js";
import type { ClusterMap, ShardRecord } from "./cluster-map.js";
import type { ShardChange } from "./commands/shard-change.js";

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
 * goes to the one with the highest epoch, then the most keys, then the first name. The rest go, in the order of their
 * numbers with the bits reversed, to the node with the fewest shards by then, the first name among equals. Epochs surpass
 * all that `held` reports. In a recovered map a node that gave a shard up is no holder, and a shard without a holder is left
 * alone: its owner may not have registered yet.
 */
export function planUnassigned(
  map: ClusterMap,
  liveNodes: readonly string[],
  held: readonly HeldShard[],
): ReadonlyMap<ShardNumber, ShardChange> {
  const live = new Set(liveNodes.filter((name) => map.nodes.has(name)));
  const changes = new Map<ShardNumber, ShardChange>();
  const unassigned = map.shards.filter(({ primary }) => primary === null);
  if (live.size === 0 || unassigned.length === 0) return changes;
  const reports = reportsByShard(held);
  const loads = loadsOf(map.shards, live);
  const free: ShardNumber[] = [];
  // First all that are bound to a node, so that the spreading makes up for them.
  for (const { shard } of unassigned) {
    const reported = reports.get(shard) ?? [];
    const node = holderOf(map.isRecovered ? reported.filter(isKept) : reported, live);
    if (node === null) {
      if (!map.isRecovered) free.push(shard);
      continue;
    }
    changes.set(shard, { node, cause: "registration", epochMin: epochAbove(reported) });
    loads.set(node, (loads.get(node) ?? 0) + 1);
  }
  const nodes = leastLoadedFirst(loads);
  for (const shard of mixed(free, map.shardCount)) {
    const epochMin = epochAbove(reports.get(shard) ?? []);
    changes.set(shard, { node: nodes.next().value, cause: "automatic", epochMin });
  }
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

/** Shards of each live node. */
function loadsOf(shards: readonly ShardRecord[], live: ReadonlySet<string>): Map<string, number> {
  const loads = new Map([...live].map((name) => [name, 0]));
  for (const { primary } of shards) {
    const load = primary === null ? undefined : loads.get(primary);
    if (primary !== null && load !== undefined) loads.set(primary, load + 1);
  }
  return loads;
}

function holderOf(reports: readonly HeldShard[], live: ReadonlySet<string>): string | null {
  const [best] = reports
    .filter(({ node, keyCount }) => keyCount > 0 && live.has(node))
    .toSorted((a, b) => (b.epoch ?? -1) - (a.epoch ?? -1) || b.keyCount - a.keyCount || (a.node < b.node ? -1 : 1));
  return best === undefined ? null : best.node;
}

/** In the order of their numbers, read with the bits reversed. */
function mixed(shards: readonly ShardNumber[], shardCount: number): readonly ShardNumber[] {
  const bits = Math.ceil(Math.log2(shardCount));
  const keyed = shards.map((shard) => ({ shard, key: reversed(shard, bits) }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ shard }) => shard);
}

function reversed(number: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result = (result << 1) | ((number >> bit) & 1);
  return result;
}

/** The nodes to give one shard each, without end: all with the lowest load, then all that have the lowest by then. */
function* leastLoadedFirst(loads: ReadonlyMap<string, number>): Generator<string, never> {
  const later = [...loads].toSorted(([, a], [, b]) => b - a);
  const level: string[] = [];
  for (let load = later.at(-1)?.[1] ?? 0; ; load++) {
    while (later.at(-1)?.[1] === load) level.push(...later.splice(-1).map(([name]) => name));
    level.sort((a, b) => (a < b ? -1 : 1));
    yield* level;
  }
}
