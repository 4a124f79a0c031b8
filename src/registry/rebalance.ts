/**
 * Which shards go from the storage nodes of a shared store that have the most to those that have the fewest, so that a
 * node that has just come gets its share. Each step makes the loads more even, and none is planned once they differ by
 * one at most, so a plan never undoes an earlier one. Pure: commands.ts makes each step a takeover.
 */
import type { ClusterMap, ShardOwner, ShardRecord } from "./cluster-map.js";
import { sharedStoreOf } from "./commands/map-records.js";
import { loadsOf, mixed } from "./dealing.js";

/** Shards that go from one storage node to another one of its store. */
export interface Rebalancing {
  readonly from: string;
  readonly to: string;
  readonly shards: readonly ShardOwner[];
}

/**
 * Among the `settled` storage nodes, at most `shardsMax` shards of each store. Others keep what they have. Nothing while the
 * map is being restored.
 */
export function planRebalance(map: ClusterMap, settled: readonly string[], shardsMax: number): readonly Rebalancing[] {
  if (map.putBack !== null) return [];
  const byStore = new Map<string, string[]>();
  for (const name of settled.toSorted()) {
    const store = sharedStoreOf(map, name);
    if (store === null || map.nodes.get(name)?.isDraining === true) continue;
    byStore.set(store, [...(byStore.get(store) ?? []), name]);
  }
  return [...byStore.values()].flatMap((names) => planAmong(map, names, shardsMax));
}

function planAmong(map: ClusterMap, names: readonly string[], shardsMax: number): readonly Rebalancing[] {
  const loads = loadsOf(map.shards, names);
  /** By giver: who gets one shard each. */
  const takers = new Map<string, string[]>();
  for (let planned = 0; planned < shardsMax; planned++) {
    const [from, most] = extremeOf(loads, (load, other) => load > other);
    const [to, fewest] = extremeOf(loads, (load, other) => load < other);
    if (most - fewest < 2) break;
    loads.set(from, most - 1).set(to, fewest + 1);
    takers.set(from, [...(takers.get(from) ?? []), to]);
  }
  return [...takers].flatMap(([from, each]) => stepsOf(map, from, each));
}

/** The first of the best. */
function extremeOf(
  loads: ReadonlyMap<string, number>,
  isBetter: (load: number, other: number) => boolean,
): readonly [name: string, load: number] {
  return [...loads].reduce((best, each) => (isBetter(each[1], best[1]) ? each : best));
}

/** Shards of `from`, at equal distances in the mixed order, so that those that go and those that stay are mixed as well. */
function stepsOf(map: ClusterMap, from: string, takers: readonly string[]): readonly Rebalancing[] {
  const owned = map.shards.filter(({ primary, move }) => primary === from && move === null);
  const order = mixed(
    owned.map(({ shard }) => shard),
    map.shardCount,
  );
  const records = new Map<number, ShardRecord>(owned.map((record) => [record.shard, record]));
  const given = new Map<string, ShardOwner[]>();
  for (const [index, to] of takers.entries()) {
    const record = records.get(order[Math.floor((index * order.length) / takers.length)] ?? -1);
    if (record !== undefined) given.set(to, [...(given.get(to) ?? []), record]);
  }
  return [...given].map(([to, shards]) => ({ from, to, shards }));
}
