/**
 * The gateway's client of a storage node, of one build, and what its calls cost at each end. For storage.mjs, which has
 * the storage node as a process of its own.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { cpuMsBetween, readCpu } from "./cpu.mjs";

/** Where builds have it; 0.2.0 had no folder for it. */
const clientFiles = ["routing/node-client/undici-node-client.js", "routing/undici-node-client.js"];

const callOptions = { timeoutMs: 5000 };

/**
 * Calls the storage node `name` at `url`, the process `pid`, by the client of the build in `folder`. `execute` is the
 * client's; `run(task)` gives the microseconds of CPU time that the task took at both ends.
 */
export async function openWire({ folder, name, url, pid }) {
  const load = (file) => import(path.join(folder, "dist", file));
  const { UndiciNodeClient } = await load(clientFiles.find((file) => existsSync(path.join(folder, "dist", file))));
  const { noTls } = await load("tls/tls-source.js");
  let clusterId = "";
  const client = new UndiciNodeClient({
    name,
    url,
    facts: { clusterId: () => clusterId, mayBePlain: () => false },
    guard: { problem: () => null, lookup: () => undefined },
    tls: noTls,
  });
  ({ clusterId } = await client.probe(callOptions));
  return {
    async execute(operations) {
      const outcomes = await client.execute(operations, callOptions);
      const refused = outcomes.find(({ kind }) => kind === "refused");
      if (refused !== undefined) throw new Error(`The storage node refused: ${JSON.stringify(refused)}`);
    },
    async run(task) {
      const nodeBefore = readCpu([pid]);
      const callerBefore = process.cpuUsage();
      await task();
      const { user, system } = process.cpuUsage(callerBefore);
      return { node: cpuMsBetween(nodeBefore, readCpu([pid])) * 1000, caller: user + system };
    },
    close: () => client.close(),
  };
}
