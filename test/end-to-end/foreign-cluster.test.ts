/** Storage nodes of one cluster that the gateway of another one calls: nothing is read or written there. */
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { ask } from "../support/cluster-calls.js";
import { getEntry, putEntry, untilAnswered } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate } from "../support/processes.js";

const names = Array.from({ length: 10 }, (_, index) => `key${index}`);

/** Short, so that the absence of a moved storage node is noticed soon. */
const silence = ["--suspect-after", "1500", "--down-after", "1500"];

let own: ProcessCluster;
let foreign: ProcessCluster;
beforeAll(async () => {
  [own, foreign] = await Promise.all([
    ProcessCluster.start({ nodes: 1, shards: 8, gatewayArgs: silence }),
    ProcessCluster.start({ nodes: 1, shards: 4, gatewayArgs: silence }),
  ]);
  for (const key of names) expect((await putEntry(own.origin, key, { value: "own" })).status).toBe(201);
});
afterAll(() => Promise.all([own.stop(), foreign.stop()]));

it("refuses to register a storage node that another cluster owns", async () => {
  const url = own.nodeOrigin("node1");
  const answer = await ask(foreign.origin, "POST", "/nodes", { id: "stranger", url });
  expect(answer).toMatchObject({ status: 409, body: { code: "CLUSTER_MISMATCH" } });
});

it("is not ready, reads nothing and writes nothing when its storage node's address now belongs to another cluster", async () => {
  await foreign.run("node1").stop();
  const port = new URL(foreign.nodeOrigin("node1")).port;
  await own.run("node1").stop();
  // The storage node of `own` moves to the address at which the other gateway expects its own node.
  const moved = shardgate(["node", "--id", "node1", "--port", port, "--gateway", own.origin, "--data", own.folder]);
  onTestFinished(async () => void (await moved.stop()));
  await moved.prints(/^listening /m);
  await own.ready();

  await eventually(async () => expect((await ask(foreign.origin, "GET", "/ready")).status).toBe(503));
  for (const key of names) {
    expect(await getEntry(foreign.origin, key)).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
    expect(await putEntry(foreign.origin, key, { value: "foreign" })).toMatchObject({ status: 503 });
    expect(await untilAnswered(own.origin, key)).toMatchObject({ status: 200, value: "own" });
  }
});
