/** Damages the header of one shard. */
import type { ShardNumber } from "../../../src/core/shard.js";
import { openDatabases } from "../../../src/storage/lmdb/records/open-databases.js";
import { shardKey } from "../../../src/storage/lmdb/records/record.js";

/** Flips a bit in the shard's header, in a folder that may be open. */
export async function damageHeader(folder: string, shard: ShardNumber): Promise<void> {
  const { shards, root } = await openDatabases(folder);
  const header = Buffer.from(shards.get(shardKey(shard)) ?? []);
  header.writeUInt8(header.readUInt8(20) ^ 4, 20);
  await shards.put(shardKey(shard), header);
  await root.close();
}
