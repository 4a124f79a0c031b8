/**
 * A process other than the known storage node answers at its address: another node of the cluster, or a node of its
 * name that was started without its gateway. The known node's keys are unavailable and never "not found", nothing is
 * written there, and everything is served again once the right nodes have registered.
 */
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import type { Key } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import { ask, assignShard, nodeRow, removeNode, shardRows } from "../support/cluster-calls.js";
import { getEntry, putEntry, untilAnswered, untilWritten } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate, temporaryFolder, type Run } from "../support/processes.js";

const shards = 8;
const names = Array.from({ length: 24 }, (_, index) => `key${index}`);
/** Short, so that a stopped storage node is DOWN within seconds. */
const silence = ["--suspect-after", "1500", "--down-after", "1500"];

let cluster: ProcessCluster;
let lost: readonly string[];
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards, gatewayArgs: silence });
  for (const key of names) await untilWritten(cluster.origin, key, { value: "kept" });
  const rows = await shardRows(cluster.origin);
  lost = names.filter((key) => rows[shardOfKey(key as Key, shards)]?.nodeId === "node1");
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.ready());

/** Starts a storage node at the address of another one, or in another way than the cluster does. */
async function start(name: string, at: string, more: readonly string[]): Promise<Run> {
  const port = new URL(cluster.nodeOrigin(at)).port;
  const run = shardgate(["node", "--id", name, "--port", port, ...more]);
  onTestFinished(async () => void (await run.stop()));
  await run.prints(/^listening /m);
  return run;
}

async function expectUnavailable(): Promise<void> {
  for (const key of lost) {
    expect(await getEntry(cluster.origin, key)).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
    expect(await putEntry(cluster.origin, key, { value: "astray" })).toMatchObject({ status: 503 });
  }
}

async function expectKept(): Promise<void> {
  for (const key of names) {
    expect(await untilAnswered(cluster.origin, key)).toMatchObject({ status: 200, value: "kept" });
  }
}

/** Waits until the gateway calls the address: it sends nothing for a moment to a node that was away. */
async function untilCalled(): Promise<void> {
  await eventually(async () => {
    const { status, body } = await ask(cluster.origin, "GET", `/data/${lost[0]}`);
    if (status === 503) expect(body["detail"]).toContain(" answered ");
  });
}

async function expectExplained(text: string): Promise<void> {
  expect((await ask(cluster.origin, "GET", `/data/${lost[0]}`)).body["detail"]).toContain(text);
}

it("reports keys as unavailable when another node of the cluster answers at their storage node's address", async () => {
  const { origin, folder } = cluster;
  const joined = ["--gateway", origin, "--data", folder];
  await Promise.all([cluster.run("node1").stop(), cluster.run("node2").stop()]);
  await eventually(async () => expect((await nodeRow(origin, "node2")).state).toBe("DOWN"));
  const taker = await start("node2", "node1", joined);
  await eventually(async () => expect((await nodeRow(origin, "node2")).state).toBe("UP"));
  await untilCalled();

  const owned = (await nodeRow(origin, "node1")).shards;
  for (let round = 0; round < 10; round++) {
    // The cluster map changes, and the gateway sends the new assignments to the supposed owner.
    await ask(origin, "POST", "/nodes", { id: "unused", url: "http://127.0.0.1:9" });
    await expectUnavailable();
    expect(await removeNode(origin, "unused", true)).toMatchObject({ status: 200 });
    expect(await getEntry(origin, lost[round % lost.length] ?? "")).toMatchObject({ status: 503 });
  }
  for (const shard of owned) {
    expect(await assignShard(origin, shard, "node2")).toMatchObject({ body: { code: "ASSIGNMENT_WOULD_HIDE_DATA" } });
  }
  expect((await nodeRow(origin, "node1")).shards).toEqual(owned);
  await expectExplained("This storage node is node2, not node1");

  const moved = await start("node1", "node2", joined);
  await cluster.ready();
  await expectKept();
  await Promise.all([taker.stop(), moved.stop()]);
  // The gateway must not mistake the old processes for those that are started now.
  for (const name of cluster.nodeNames) {
    await eventually(async () => expect((await nodeRow(origin, name)).state).toBe("DOWN"));
  }
  cluster.startNode("node1");
  cluster.startNode("node2");
});

it("refuses a wrong address that an operator registers for a storage node", async () => {
  const { origin } = cluster;
  // What answers at the wrong address decides.
  await eventually(async () => expect((await nodeRow(origin, "node2")).state).toBe("UP"));
  await cluster.run("node1").stop();
  await eventually(async () => expect((await nodeRow(origin, "node1")).state).toBe("DOWN"));
  // A probe that finds nobody refuses nothing: node2 may have just been started.
  await eventually(async () => {
    const answer = await ask(origin, "POST", "/nodes", { id: "node1", url: cluster.nodeOrigin("node2") });
    expect(answer).toMatchObject({ status: 409, body: { code: "NODE_CONFLICT" } });
  });
  cluster.startNode("node1");
  await cluster.ready();
  await expectKept();
});

it.each(["an empty folder", "its own folder"])(
  "reports the keys of a storage node that was started without its gateway as unavailable over %s",
  async (which) => {
    const empty = temporaryFolder();
    onTestFinished(empty.remove);
    await cluster.run("node1").stop();
    const data = which === "an empty folder" ? empty.path : cluster.folder;
    const alone = await start("node1", "node1", ["--data", data]);
    await untilCalled();
    await expectUnavailable();
    await expectExplained("This storage node was started without --gateway and serves no cluster");
    await eventually(async () => expect((await nodeRow(cluster.origin, "node1")).state).toBe("DOWN"));
    await expectUnavailable();
    await alone.stop();
    cluster.startNode("node1");
    await cluster.ready();
    await expectKept();
  },
);
