/**
 * How shards are dealt out to storage nodes: each to the one with the fewest shards by then, in an order that mixes the
 * bits of the shards' numbers. Pure.
 *
 * Why mixed: the lowest bit of FNV-1a is the exclusive or of the lowest bits of all bytes. Keys that end in a check digit,
 * such as ISBN-13 and EAN, all have the same one, so with an even shardCount they fill only every other shard, and half of
 * the shards stay empty (an odd shardCount fills all). Dealt out in turn, two nodes would have got all keys and none.
 */
import type { ShardNumber } from "../core/shard.js";
import type { ShardRecord } from "./cluster-map.js";

/** The number of shards that each of these storage nodes owns. */
export function loadsOf(shards: readonly ShardRecord[], names: Iterable<string>): Map<string, number> {
  const loads = new Map([...names].map((name) => [name, 0]));
  for (const { primary } of shards) {
    const load = primary === null ? undefined : loads.get(primary);
    if (primary !== null && load !== undefined) loads.set(primary, load + 1);
  }
  return loads;
}

/** Who gets each of the shards, given what each storage node has already; the first name among equals. Nothing without nodes. */
export function dealt(
  shards: readonly ShardNumber[],
  loads: ReadonlyMap<string, number>,
  shardCount: number,
): ReadonlyMap<ShardNumber, string> {
  if (loads.size === 0) return new Map();
  const nodes = leastLoadedFirst(loads);
  return new Map(mixed(shards, shardCount).map((shard) => [shard, nodes.next().value]));
}

/** The shards in the order of their numbers, read with the bits reversed. */
export function mixed(shards: readonly ShardNumber[], shardCount: number): readonly ShardNumber[] {
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
