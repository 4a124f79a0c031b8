/**
 * Writes groups of two entries until it is killed, and prints each group's key and version once it is acknowledged.
 * A plain script, because the test kills it: Vite only compiles the engine here.
 */
import path from "node:path";
import { runnerImport } from "vite";

const [folder, name = "key"] = process.argv.slice(2);
const source = path.join(import.meta.dirname, "../../../src/storage/lmdb/lmdb-engine.ts");
const { module } = await runnerImport(source, { configFile: false, logLevel: "error" });
const engine = await module.LmdbEngine.open(folder);

const nowMs = Date.parse("2026-01-31T12:00:00.000Z");
for (let round = 0; ; round++) {
  const keys = Array.from({ length: 4 }, (_, index) => `${name} ${round}.${index}`);
  await Promise.all(
    keys.map(async (key) => {
      const put = { kind: "put", key, value: JSON.stringify(key), expiry: null, condition: null };
      const [outcome] = await engine.write(
        [0, 1].map((shard) => ({ operation: { ...put, shard }, epoch: 1 })),
        nowMs,
      );
      process.stdout.write(`${JSON.stringify({ key, version: outcome.facts.version })}\n`);
    }),
  );
}
