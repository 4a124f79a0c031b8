/** A data folder with every kind of record. */
import { mkdtemp } from "node:fs/promises";
import path from "node:path";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { claimAll, nowMs, put, remove, shard, write } from "../../conformance/storage-operations.js";

/** Creates the folder within `parent` and closes it. */
export async function filledFolder(parent: string, entries = 60): Promise<string> {
  const folder = await mkdtemp(path.join(parent, "data-"));
  const engine = await LmdbEngine.open(folder);
  await engine.changeState(() => ({ document: '{"storeId":"one"}', claims: [] }));
  await claimAll(engine);
  const expiry = { kind: "ttl", seconds: 60 } as const;
  const puts = Array.from({ length: entries }, (_, index) =>
    put(`key${index}`, JSON.stringify("v".repeat(index * 3)), {
      shard: shard(index % 3),
      expiry: index % 5 === 0 ? expiry : null,
    }),
  );
  await write(engine, puts, nowMs);
  await write(engine, [remove("key3"), remove("key4", { shard: shard(1) }), put("key6", "1")], nowMs + 1);
  await engine.close();
  return folder;
}
