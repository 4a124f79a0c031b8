/**
 * Overwrites a few keys again and again and sweeps in short steps until it is killed, and prints a line after each step that
 * left a pass half done. A plain script, because the test kills it: Vite only compiles the engine here.
 */
import path from "node:path";
import { runnerImport } from "vite";

const [folder] = process.argv.slice(2);
const source = path.join(import.meta.dirname, "../../../src/storage/lmdb/lmdb-engine.ts");
const { module } = await runnerImport(source, { configFile: false, logLevel: "error" });
const bounds = { staleMin: 20, perKeyMax: 0.5, listedMax: 15, itemsMax: 5, bytesMax: 1e6 };
const engine = await module.LmdbEngine.open(folder, bounds);

for (let round = 0; ; round++) {
  const puts = Array.from({ length: 4 }, (_, index) => {
    const operation = { kind: "put", shard: index % 2, key: `key ${(round * 7 + index) % 10}`, value: String(round) };
    return { operation: { ...operation, expiry: null, condition: null }, epoch: 1 };
  });
  const [, { isMore }] = await Promise.all([engine.write(puts, round), engine.sweep(round, 10)]);
  if (isMore) process.stdout.write("half done\n");
}
