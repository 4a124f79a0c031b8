/**
 * A storage node that returns without data that it had acknowledged: with an empty folder, or with an older copy of its
 * own. Its keys are unavailable and never "not found", nothing is written over possibly missing data, and the gateway
 * says what to do, until the right folder is back or an operator accepts the loss.
 */
import { cpSync, renameSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shardOfKey } from "../../src/core/shard.js";
import type { Key } from "../../src/core/key.js";
import { acceptLoss, assignShard, ask, nodeRow, removeNode, shardRows } from "../support/cluster-calls.js";
import { getEntry, putEntry, untilAnswered, untilWritten } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, shardgate } from "../support/processes.js";

const shards = 8;
const names = Array.from({ length: 24 }, (_, index) => `key${index}`);
/** Short, so that a killed storage node is DOWN within seconds. */
const silence = ["--suspect-after", "1500", "--down-after", "1500"];

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 2, shards, gatewayArgs: silence });
  for (const key of names) await untilWritten(cluster.origin, key, { value: "first" });
});
afterAll(() => cluster.stop());

async function keysOf(node: string): Promise<readonly string[]> {
  const rows = await shardRows(cluster.origin);
  return names.filter((key) => rows[shardOfKey(key as Key, shards)]?.nodeId === node);
}

async function shardsOf(node: string): Promise<readonly number[]> {
  const rows = await shardRows(cluster.origin);
  return rows.filter(({ nodeId }) => nodeId === node).map(({ shardId }) => shardId);
}

const folderOf = (node: string): string => `${cluster.folder}/${node}`;

/** Starts the node over the current content of its folder, and waits until the gateway has refused it. */
async function startRefused(node: string): Promise<void> {
  cluster.startNode(node);
  await eventually(async () =>
    expect((await nodeRow(cluster.origin, node)).problem?.code).toBe("STORE_NOT_RECOGNIZED"),
  );
}

/** Starts the node over its own data. */
async function startAsUsual(node: string): Promise<void> {
  cluster.startNode(node);
  await cluster.ready();
  for (const key of names) await untilAnswered(cluster.origin, key);
}

describe("a known storage node with an empty folder", () => {
  it("reports its keys as unavailable, not missing, until its own folder is back", async () => {
    const { origin } = cluster;
    const [mine = "", other = ""] = [(await keysOf("node1"))[0], (await keysOf("node2"))[0]];
    await cluster.run("node1").stop();
    renameSync(folderOf("node1"), `${folderOf("node1")}.aside`);
    await startRefused("node1");

    expect(await getEntry(origin, mine)).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
    expect(await putEntry(origin, mine, { value: "lost" })).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });
    expect(await getEntry(origin, other)).toMatchObject({ status: 200, value: "first" });
    const ready = await ask(origin, "GET", "/ready");
    const { storeId } = await nodeRow(origin, "node1");
    expect(ready).toMatchObject({ status: 200, body: { status: "degraded" } });
    const [problem] = ready.body["problems"] as readonly Readonly<Record<string, unknown>>[];
    expect(problem).toMatchObject({ node: "node1", code: "STORE_NOT_RECOGNIZED", shards: await shardsOf("node1") });
    expect(JSON.stringify(problem)).toContain(storeId);
    expect(problem?.["advice"]).toMatch(/shardgate node accept-loss node1/);
    const status = shardgate(["status", "--endpoint", origin]);
    await status.ended();
    expect(status.stdout).toMatch(/node1.*shards.*not served[\s\S]*accept-loss node1/);

    await cluster.run("node1").stop();
    rmSync(folderOf("node1"), { recursive: true });
    renameSync(`${folderOf("node1")}.aside`, folderOf("node1"));
    await startAsUsual("node1");
    for (const key of names) expect(await getEntry(origin, key)).toMatchObject({ status: 200, value: "first" });
  });
});

describe("an older copy of a data folder that comes back", () => {
  it("serves nothing before its loss is accepted, and then repeats no version", async () => {
    const { origin } = cluster;
    const [key = "", unchanged = ""] = await keysOf("node1");
    const before = (await shardRows(origin))[shardOfKey(key as Key, shards)];
    await cluster.run("node1").stop();
    cpSync(folderOf("node1"), `${folderOf("node1")}.copy`, { recursive: true });
    await startAsUsual("node1");
    const lost = await putEntry(origin, key, { value: "second" });
    expect(lost).toMatchObject({ status: 200, code: null });
    await cluster.run("node1").stop();
    rmSync(folderOf("node1"), { recursive: true });
    renameSync(`${folderOf("node1")}.copy`, folderOf("node1"));
    await startRefused("node1");
    expect((await nodeRow(origin, "node1")).problem?.message).toMatch(/older copy/);
    expect(await getEntry(origin, key)).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });

    const command = shardgate(["node", "accept-loss", "node1", "--yes", "--endpoint", origin]);
    expect(await command.ended(), command.stderr).toBe(0);
    await cluster.ready();
    expect(await untilAnswered(origin, key)).toMatchObject({ status: 200, value: "first" });
    expect(await getEntry(origin, unchanged)).toMatchObject({ status: 200, value: "first" });
    const outdated = await putEntry(origin, key, { value: "third", ifVersion: lost.version ?? 0 });
    expect(outdated).toMatchObject({ status: 412, code: "VERSION_CONFLICT" });
    const next = await putEntry(origin, key, { value: "third" });
    expect(next.version).toBeGreaterThan(lost.version ?? Infinity);
    const after = (await shardRows(origin))[shardOfKey(key as Key, shards)];
    expect(after?.lineage).toBe((before?.lineage ?? 0) + 1);
  });

  it("cannot be accepted as a loss for a node that has lost nothing", async () => {
    expect(await acceptLoss(cluster.origin, "node2")).toMatchObject({ status: 400, body: { code: "BAD_REQUEST" } });
  });
});

describe("a storage node that is DOWN", () => {
  it("keeps its shards unless an assignment is forced, and reports its older data when it returns", async () => {
    const { origin } = cluster;
    const [key = ""] = await keysOf("node1");
    const shard = shardOfKey(key as Key, shards);
    const kept = await getEntry(origin, key);
    await cluster.run("node1").stop("SIGKILL");
    await eventually(async () => expect((await nodeRow(origin, "node1")).state).toBe("DOWN"));
    const refusal = { status: 409, body: { code: "ASSIGNMENT_WOULD_HIDE_DATA" } };
    expect(await assignShard(origin, shard, "node2")).toMatchObject(refusal);
    expect(await removeNode(origin, "node1")).toMatchObject(refusal);
    expect(await getEntry(origin, key)).toMatchObject({ status: 503, code: "SHARD_UNAVAILABLE" });

    expect(await assignShard(origin, shard, "node2", true)).toMatchObject({ status: 200 });
    expect(await untilAnswered(origin, key)).toMatchObject({ status: 404 });
    await startAsUsual("node1");
    await eventually(async () => expect((await nodeRow(origin, "node1")).staleShards).toEqual([shard]));
    expect(await assignShard(origin, shard, "node1", true)).toMatchObject({ status: 200 });
    expect(await untilAnswered(origin, key)).toMatchObject({ status: 200, value: kept.value });
  });
});

describe("a registry that is restored from an older copy", () => {
  it("gives each shard to the storage node that claimed it last, above every epoch", async () => {
    const { origin, registryFile } = cluster;
    const [key = ""] = await keysOf("node1");
    const shard = shardOfKey(key as Key, shards);
    cpSync(registryFile, `${registryFile}.copy`);
    expect(await assignShard(origin, shard, "node2", true)).toMatchObject({ status: 200 });
    await untilAnswered(origin, key);
    const written = await putEntry(origin, key, { value: "newest" });
    expect(written.status).toBe(201);
    const before = await shardRows(origin);
    await cluster.run("gateway").stop();
    const restore = shardgate(["registry", "restore", `${registryFile}.copy`, "--registry", registryFile]);
    expect(await restore.ended(), restore.stderr).toBe(0);
    cluster.startGateway();
    await cluster.ready();

    const after = await shardRows(origin);
    expect(after.map(({ nodeId }) => nodeId)).toEqual(before.map(({ nodeId }) => nodeId));
    for (const [index, { epoch }] of after.entries()) expect(epoch).toBeGreaterThan(before[index]?.epoch ?? Infinity);
    expect(await getEntry(origin, key)).toMatchObject({ status: 200, value: "newest", version: written.version });
  });
});

describe("two storage nodes", () => {
  it("both get a fair share of keys whose hashes have the same lowest bit", async () => {
    const rows = await shardRows(cluster.origin);
    const counts = new Map<string | null, number>();
    for (let index = 0; index < 2_000; index++) {
      const node = rows[shardOfKey(isbn13(index) as Key, shards)]?.nodeId ?? null;
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect(counts.get("node1")).toBeGreaterThan(400);
    expect(counts.get("node2")).toBeGreaterThan(400);
  });
});

/** With a check digit, which makes the exclusive or of all digits' lowest bits the same in every number. */
function isbn13(index: number): string {
  const digits = [..."978", ...String(100_000_000 + index * 7_919).slice(-9)].map(Number);
  const sum = digits.reduce((total, digit, place) => total + digit * (place % 2 === 0 ? 1 : 3), 0);
  return `${digits.join("")}${(10 - (sum % 10)) % 10}`;
}
