/** A storage node on a free port over a ScriptedEngine, stopped after the test. */
import { onTestFinished } from "vitest";
import { startStorageNode, type StorageNode, type StorageNodeOptions } from "../../src/storage-node/node-server.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { call, type Answer, type Call } from "./raw-http.js";
import { ScriptedEngine } from "./shards/scripted-engine.js";
import { refusingMs } from "../../src/storage-node/drain-node.js";

export async function runNode(options: Partial<StorageNodeOptions> = {}) {
  const engine = new ScriptedEngine();
  const clock = new FakeClock();
  const log = new RecordLog();
  const node = await startStorageNode({
    name: "node1",
    host: "127.0.0.1",
    port: 0,
    engine,
    clock,
    log,
    gatewayUrls: [],
    advertisedUrl: null,
    incarnation: "first",
    newId: () => "store1",
    ...options,
  });
  onTestFinished(async () => {
    engine.release();
    await drained(node, clock);
  });
  const send = (path: string, request?: Call): Promise<Answer> => call(node.url, path, request);
  const putValue = (path: string, body: string | Buffer, headers: Call["headers"] = {}): Promise<Answer> =>
    send(path, { method: "PUT", body, headers });
  return { engine, clock, log, node, send, putValue };
}

/** Drains a node without running requests, and advances its clock over the last refusals. */
export async function drained(node: StorageNode, clock: FakeClock): Promise<void> {
  let isOver = false;
  const draining = node.drain().finally(() => (isOver = true));
  while (!isOver) await clock.advance(refusingMs);
  await draining;
}
