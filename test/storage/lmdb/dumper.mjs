/**
 * Checks a folder as `verifyLmdbFolder` does, and prints what it found; where it finds nothing, opens the folder and prints
 * everything in it. A process of its own, because LMDB ends the process at some kinds of damage.
 */
import path from "node:path";
import { runnerImport } from "vite";

const load = async (file) => {
  const source = path.join(import.meta.dirname, "../../../src/storage/lmdb", file);
  return (await runnerImport(source, { configFile: false, logLevel: "error" })).module;
};
const { verifyLmdbFolder } = await load("check/verify.ts");
const { LmdbEngine } = await load("lmdb-engine.ts");

process.on("message", async (folder) => {
  try {
    const { problemCount } = await verifyLmdbFolder(folder);
    process.send({ problemCount, content: problemCount === 0 ? await contentOf(folder) : null });
  } catch (error) {
    process.send({ refused: String(error), code: error.code });
  }
});
process.send("ready");

async function contentOf(folder) {
  const engine = await LmdbEngine.open(folder);
  const { document, claims } = await engine.state();
  const stats = await engine.stats(0);
  const feeds = [];
  for (const shard of claims.keys()) {
    const request = { shard, epoch: null, cursor: null, limit: 1e6, bytesMax: 1e9 };
    const scan = { kind: "scan", shard, prefix: "", after: null, before: null, limit: 1e6, bytesMax: 1e9 };
    const pages = await engine.read([{ operation: { ...scan, isReverse: false }, epoch: null }], {
      nowMs: 0,
      answerBytesMax: 1e9,
    });
    feeds.push(await engine.changes(request), pages);
  }
  await engine.close();
  return JSON.stringify([document, [...claims], [...stats], feeds]);
}
