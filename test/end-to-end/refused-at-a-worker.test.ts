/**
 * A gateway of two workers, as a process, and two storage nodes of one shared store inside the test, so that what the gateway
 * reaches of one can end while the node itself lives on and sends its heartbeats: only requests for keys then show that.
 */
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../src/cli/environment/system-clock.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import { MemoryContent } from "../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { startStorageNode, type StorageNode } from "../../src/storage-node/node-server.js";
import { startByteLine, type ByteLine } from "../support/byte-line.js";
import { untilReady } from "../support/gateway-calls.js";
import { eventually, freePorts, shardgate, temporaryFolder } from "../support/processes.js";
import { RecordLog } from "../support/record-log.js";
import { freshCall, logLines } from "../support/worker-calls.js";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Its content outlives the storage nodes of the test, as a database does. */
function lasting(content: MemoryContent, name: string): StorageEngine {
  return Object.assign(new MemoryEngine(null, content, name), { isDurable: true });
}

async function startGateway() {
  const { path, remove } = temporaryFolder();
  closing.push(remove);
  const [port = 0] = await freePorts(1);
  const shape = ["--shards", "8", "--nodes", "2", "--workers", "2"];
  const run = shardgate(["gateway", "--port", String(port), "--registry", `${path}/registry.json`, ...shape]);
  closing.push(() => run.stop());
  await run.prints(/^listening /m);
  return { run, origin: `http://127.0.0.1:${port}` };
}

/** A storage node that gateways reach over a line. */
async function startNode(name: string, content: MemoryContent, gatewayUrl: string) {
  // The line needs the node's port, and the node the line's URL.
  const [port = 0] = await freePorts(1);
  const line: ByteLine = await startByteLine(`http://127.0.0.1:${port}`);
  const node: StorageNode = await startStorageNode({
    name,
    host: "127.0.0.1",
    port,
    engine: lasting(content, name),
    clock: systemClock,
    log: new RecordLog(),
    gatewayUrls: [gatewayUrl],
    advertisedUrl: line.url,
    incarnation: `${name}-start`,
    newId: () => `${name}-store`,
  });
  closing.push(() => line.close());
  closing.push(() => node.drain());
  return line;
}

it("a refused connection that only a worker meets has the storage node's shards taken over, though its heartbeats go on", async () => {
  const { run, origin } = await startGateway();
  const content = new MemoryContent("shared");
  const line = await startNode("node1", content, origin);
  await startNode("node2", content, origin);
  await untilReady(origin);
  const keys = Array.from({ length: 16 }, (_, index) => `key${index}`);
  for (const key of keys) {
    expect((await freshCall(`${origin}/data/${key}`, { method: "PUT", body: `"${key}"` })).status).toBe(201);
  }
  await line.close();
  await eventually(async () => {
    for (const key of keys) expect((await freshCall(`${origin}/data/${key}`)).text).toBe(`"${key}"`);
  });
  const { nodes } = JSON.parse((await freshCall(`${origin}/nodes`)).text) as {
    readonly nodes: readonly { readonly id: string; readonly shards: readonly number[] }[];
  };
  expect(nodes.map(({ id, shards }) => [id, shards.length]).toSorted()).toEqual([
    ["node1", 0],
    ["node2", 8],
  ]);
  const lines = logLines(run) as readonly { readonly msg?: string; readonly node?: string; readonly reason?: string }[];
  expect(lines.filter(({ msg }) => msg?.includes("taken over"))).toMatchObject([{ node: "node1", reason: "down" }]);
});
