/**
 * Takes the lock of a folder, prints its process id as this process knows it, and holds the lock until it is killed. A
 * plain script, because the tests kill it: Vite only compiles the lock here.
 */
import path from "node:path";
import { createServer } from "vite";

const [folder] = process.argv.slice(2);
const vite = await createServer({
  configFile: false,
  logLevel: "error",
  appType: "custom",
  cacheDir: path.join(folder, "vite"),
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, watch: null, hmr: false, ws: false },
});
const load = (file) => vite.ssrLoadModule(path.join(import.meta.dirname, file));
const [{ lockFolder }, { hurriedClock }] = await Promise.all([
  load("../../../src/cli/files/file-lock.ts"),
  load("../../support/hurried-clock.ts"),
]);
try {
  await lockFolder(folder, hurriedClock);
  process.stdout.write(`locked by ${process.pid}\n`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  process.stdout.write(`${error.code}: ${error.message}\n`);
  await vite.close();
}
