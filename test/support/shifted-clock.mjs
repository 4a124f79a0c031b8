/**
 * Preloaded into a process under test: adds to its wall clock as many milliseconds as the file named after it in
 * CLOCK_FOLDER says. Read at the start, and again at SIGUSR2, which is answered with a line on stdout.
 */
import { readFileSync } from "node:fs";
import path from "node:path";

const file = path.join(process.env.CLOCK_FOLDER ?? "", nameOf(process.argv));
const now = Date.now;
let shiftMs = read();
Date.now = () => now() + shiftMs;

process.on("SIGUSR2", () => {
  shiftMs = read();
  process.stdout.write(`clock shifted by ${shiftMs}\n`);
});

/** As ProcessCluster calls its processes: a storage node by its name, the gateway as that. */
function nameOf(args) {
  const place = args.indexOf("--id");
  return place === -1 ? "gateway" : (args[place + 1] ?? "");
}

function read() {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}
