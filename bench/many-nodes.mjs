/**
 * Many storage nodes in one process, each the real server with an engine in memory and an agent that registers it and
 * sends its heartbeats: `node many-nodes.mjs BUILD GATEWAY COUNT`, where BUILD is a dist/ folder. Only what the gateway
 * pays for many nodes is measured with it: of the nodes themselves, one cannot tell what each would cost alone.
 */
import path from "node:path";

const [build, gatewayUrl, count] = process.argv.slice(2);
const load = (file) => import(path.join(build, file));
const { MemoryEngine } = await load("storage/memory/memory-engine.js");
const { startStorageNode } = await load("storage-node/node-server.js");
const { systemClock } = await load("cli/environment/system-clock.js");

/** On a busy machine heartbeats are late, which the nodes would tell one by one. */
const log = { debug() {}, info() {}, warn() {}, error: console.error };
let drawn = 0;
const newId = () => `bench-${process.pid}-${++drawn}`;

for (let number = 1; number <= Number(count); number++) {
  await startStorageNode({
    name: `node${number}`,
    host: "127.0.0.1",
    port: 0,
    engine: new MemoryEngine(),
    clock: systemClock,
    log,
    gatewayUrls: [gatewayUrl],
    // Of builds that know one gateway only.
    gatewayUrl,
    advertisedUrl: null,
    incarnation: newId(),
    newId,
  });
}
