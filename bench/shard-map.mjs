/**
 * Which storage node has a key, as whoever asks the storage nodes must know it. Read once from the gateway; benchmarks
 * change nothing, so nobody follows changes.
 */

/** `{ shardOf(key), originOf(shard), shards }`; `shards` are all shards' numbers. */
export async function readShardMap(gatewayOrigin) {
  const { shardCount, shards } = await (await fetch(`${gatewayOrigin}/shards`)).json();
  const { nodes } = await (await fetch(`${gatewayOrigin}/nodes`)).json();
  return shardMap({ shardCount, shards, nodes });
}

/** From the bodies of `GET /shards` and `GET /nodes`. */
export function shardMap({ shardCount, shards, nodes }) {
  const origins = new Map(nodes.map(({ id, url }) => [id, url]));
  const owners = [];
  for (const { shardId, nodeId } of shards) owners[shardId] = origins.get(nodeId);
  return {
    /** FNV-1a over the key's UTF-8 bytes, as the gateway hashes. */
    shardOf(key) {
      let hash = 0x811c9dc5;
      for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
      return (hash >>> 0) % shardCount;
    },
    originOf: (shard) => owners[shard],
    shards: owners.map((_, shard) => shard),
  };
}

/** How many storage nodes have the keys of one job, on the average; null for jobs that name no keys. */
export function nodesTouchedBy(jobs, { shardOf, originOf }) {
  const keysOf = ({ key, keys, items }) => keys ?? items?.map((item) => item.key) ?? (key === undefined ? null : [key]);
  const lists = jobs.map(keysOf);
  if (lists.includes(null)) return null;
  const counts = lists.map((keys) => new Set(keys.map((key) => originOf(shardOf(key)))).size);
  return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}
