/**
 * Upgrades a folder of the first format one entry at a time until it is killed, and prints a line before each step. A plain
 * script, because the test kills it: Vite only compiles the modules here.
 */
import path from "node:path";
import { runnerImport } from "vite";

const [folder] = process.argv.slice(2);
const load = async (file) => {
  const source = path.join(import.meta.dirname, "../../../src/storage/lmdb", file);
  return (await runnerImport(source, { configFile: false, logLevel: "error" })).module;
};
const { openForUpgrade } = await load("records/open-databases.ts");
const { upgradeDatabases } = await load("records/upgrade.ts");
const databases = openForUpgrade(folder);
await upgradeDatabases(databases, 1, () => {
  process.stdout.write("step\n");
  return false;
});
