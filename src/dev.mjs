/**
 * `npm run dev`: builds, runs `shardgate dev` with the arguments it got, and does both again whenever a source or the schema
 * changes. A build that fails leaves the old program running. Not part of dist/.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
/** An editor writes several files, or one several times, within this many milliseconds. */
const quietMs = 150;

let program = null;
let timer = null;
let isChanged = true;
let isBusy = false;

for (const folder of ["src", "schema"]) {
  watch(path.join(root, folder), { recursive: true }, (_, file) => {
    if (!/\.(tsx?|mjs|css|html|svg|graphql)$/.test(file ?? "")) return;
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(bringUpToDate, quietMs);
  });
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    isBusy = true;
    clearTimeout(timer);
    await stop(signal);
    process.exit();
  });
}
await bringUpToDate();

/** What changes meanwhile makes for another round. */
async function bringUpToDate() {
  if (isBusy) return;
  isBusy = true;
  while (isChanged) {
    isChanged = false;
    const [code] = await once(run("npm", ["run", "--silent", "build"]), "exit");
    if (code !== 0) console.error("The build failed; waiting for the next change.");
    else if (!isChanged) {
      await stop("SIGTERM");
      program = run(process.execPath, ["dist/cli/main.js", "dev", ...process.argv.slice(2)]);
    }
  }
  isBusy = false;
}

async function stop(signal) {
  if (program === null || program.exitCode !== null || program.signalCode !== null) return;
  const ended = once(program, "exit");
  program.kill(signal);
  await ended;
}

function run(command, args) {
  return spawn(command, args, { cwd: root, stdio: "inherit" });
}
