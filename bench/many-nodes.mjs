/**
 * Many storage nodes in one process, each the real server with an engine in memory and an agent that registers it and
 * sends its heartbeats: `node many-nodes.mjs BUILD GATEWAYS COUNT`, where BUILD is a dist/ folder, and GATEWAYS are URLs with
 * commas between them. Only what the gateway pays for many nodes is measured with it: of the nodes themselves, one cannot tell
 * what each would cost alone. A parent with a channel hears `started` when all listen, and is answered to each message with
 * the bytes that went to gateways and came from them.
 */
import { subscribe } from "node:diagnostics_channel";
import path from "node:path";

const [build, gateways, count] = process.argv.slice(2);
const gatewayUrls = gateways.split(",");
const sockets = [];
const ports = new Set(gatewayUrls.map((url) => Number(new URL(url).port)));
subscribe("net.client.socket", ({ socket }) => {
  socket.once("connect", () => ports.has(socket.remotePort) && sockets.push(socket));
});
process.on("message", () => {
  const sumOf = (name) => sockets.reduce((sum, socket) => sum + socket[name], 0);
  process.send({ toGateways: sumOf("bytesWritten"), fromGateways: sumOf("bytesRead") });
});
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
    gatewayUrls,
    // Of builds that know one gateway only.
    gatewayUrl: gatewayUrls[0],
    advertisedUrl: null,
    incarnation: newId(),
    newId,
  });
}
process.send?.("started");
