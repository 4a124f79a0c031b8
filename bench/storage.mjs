/**
 * What the storage node adds to LMDB: CPU time per key of raw reads (the floor), of the engine, of the hosted shards, of
 * the batch body, and of whole `POST /batch` requests over HTTP, in interleaved rounds in one process; beside them, with
 * the gateway's client and a storage node that is a process of its own, batches and single gets over the wire, of an earlier
 * build too; and how many synced writes a second group commit makes of single ones. `node bench/storage.mjs` after
 * `npm run build` writes bench/results/storage.json and the report; `--no-save` only prints; `--before FOLDER` is where an
 * earlier commit is built.
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Client } from "undici";
import { startCluster } from "./cluster.mjs";
import { writeReport } from "./report.mjs";
import { resultOf, saveResult } from "./results.mjs";
import { openWire } from "./storage-wire.mjs";

const repository = path.resolve(import.meta.dirname, "..");
const load = (file) => import(path.join(repository, "dist", file));
const { LmdbEngine } = await load("storage/lmdb/lmdb-engine.js");
const { openDatabases } = await load("storage/lmdb/records/open-databases.js");
const { entryKey } = await load("storage/lmdb/records/record.js");
const { ShardHost } = await load("storage-node/shards/shard-host.js");
const { startStorageNode } = await load("storage-node/node-server.js");
const { encodeBatchRequest, decodeBatchRequest, encodeBatchAnswer } = await load("wire/batch/batch-body.js");
const { systemClock } = await load("cli/environment/system-clock.js");

const keyCount = 10_000;
const shardCount = 64;
const batchSize = 100;
const rounds = 7;
const batchesPerRound = 400;
const singleCallers = 8;
const singlesPerCaller = 300;
/** Of reads: until all of the code that they run through is compiled. */
const warmUpRounds = 4;
const log = { debug() {}, info() {}, warn: console.warn, error: console.error };
const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-storage-"));
const folderOf = (name) => path.join(folder, name);
const clock = systemClock;
const alone = { clock, log, start: "bench", newId: () => "bench", hasGateway: false };

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      before: { type: "string" },
      port: { type: "string", default: "14100" },
      "no-save": { type: "boolean" },
    },
  });
  const result = resultOf("storage", await measureStorage({ ...values, basePort: Number(values.port) }));
  if (values["no-save"] !== true) {
    saveResult(result);
    writeReport();
  }
}

/** `before`: the folder where an earlier commit is built, if any. `basePort`: the first of four. */
export async function measureStorage({ before, basePort }) {
  const cluster = await startCluster({ nodes: 1, shards: shardCount, before, basePort });
  const wires = new Map();
  try {
    const builds = { today: repository, ...(before !== undefined && { before: path.resolve(before) }) };
    for (const [build, buildFolder] of Object.entries(builds)) {
      const [name] = cluster.nodeNamesOf(build);
      const [pid] = cluster.pidsOf([name]);
      const place = { name: "node1", url: cluster.originOf(name), pid };
      wires.set(build, await openWire({ folder: buildFolder, ...place }));
    }
    const readsOf = async (bytes) => {
      for (const wire of wires.values()) await fillWire(wire, bytes);
      return { bytes, batchSize, microsecondsPerKey: await measureReads(bytes, wires.get("today")) };
    };
    const small = await readsOf(100);
    const singles = await measureSingles(wires);
    const large = await readsOf(4096);
    return { rounds, reads: [small, large], singles, writesPerSecond: await measureWrites() };
  } finally {
    for (const wire of wires.values()) await wire.close();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function keyAt(index) {
  return `bench:${String(index % keyCount).padStart(5, "0")}`;
}

function putAt(index, bytes) {
  const value = JSON.stringify("x".repeat(bytes - 2));
  return { kind: "put", shard: index % shardCount, key: keyAt(index), value, expiry: null, condition: null };
}

async function measureReads(bytes, wire) {
  const engine = await LmdbEngine.open(folderOf(`reads-${bytes}`));
  const all = Array.from({ length: keyCount }, (_, index) => putAt(index, bytes));
  await claimAll(engine);
  const fenced = all.map((operation) => ({ operation, epoch: null }));
  for (let start = 0; start < keyCount; start += 1000)
    await engine.write(fenced.slice(start, start + 1000), Date.now());
  await engine.close();

  // Twice the same environment in one process: lmdb shares it.
  const { records, root } = await openDatabases(folderOf(`reads-${bytes}`));
  const opened = await LmdbEngine.open(folderOf(`reads-${bytes}`));
  const host = await ShardHost.open({ engine: opened, ...alone });
  const node = await startStorageNode({
    name: "bench",
    host: "127.0.0.1",
    port: 0,
    engine: opened,
    clock,
    log,
    gatewayUrls: [],
    // Of builds that know one gateway only.
    gatewayUrl: null,
    advertisedUrl: null,
    incarnation: "bench",
    newId: () => "bench",
  });
  const client = new Client(node.url);

  let next = 0;
  const batch = () =>
    Array.from({ length: batchSize }, () => {
      const index = (next++ * 7919) % keyCount;
      return { operation: { kind: "get", shard: index % shardCount, key: keyAt(index) }, epoch: null };
    });
  const ways = {
    "raw lmdb reads": async (operations) => {
      root.resetReadTxn();
      let size = 0;
      for (const { operation } of operations) size += records.get(entryKey(operation.shard, operation.key)).length;
      root.resetReadTxn();
      return size;
    },
    "the engine": (operations) => opened.read(operations, { nowMs: Date.now(), answerBytesMax: 2 ** 30 }),
    "hosted shards": (operations) => host.execute(operations),
    "with the batch body": async (operations) =>
      encodeBatchAnswer(await host.execute(decodeBatchRequest(encodeBatchRequest(operations)))),
    "POST /batch, both ends": async (operations) => {
      const answer = await client.request({ method: "POST", path: "/batch", body: encodeBatchRequest(operations) });
      return (await answer.body.arrayBuffer()).byteLength;
    },
  };
  const samples = await interleaved(ways, batch, wire);
  console.log(
    `reads of ${bytes} B in batches of ${batchSize}, microseconds of CPU per key (median of ${rounds} rounds):`,
  );
  for (const [name, figures] of Object.entries(samples)) {
    const share = median(samples["raw lmdb reads"]) / median(figures);
    console.log(`  ${name.padEnd(24)} ${median(figures).toFixed(2)}   ${(100 * share).toFixed(0)} % of raw`);
  }
  await client.close();
  await host.drain();
  await node.drain();
  await root.close();
  return Object.fromEntries(Object.entries(samples).map(([name, figures]) => [name, median(figures)]));
}

/** As a storage node does that stands alone. */
async function claimAll(engine) {
  const claims = Array.from({ length: shardCount }, (_, shard) => {
    return { kind: "claim", shard, epoch: 1, lineage: 0, sealedFor: null };
  });
  await engine.changeState(() => ({ claims }));
}

async function interleaved(ways, batch, wire) {
  const onWire = ["over the wire, storage node", "over the wire, both ends"];
  const samples = Object.fromEntries([...Object.keys(ways), ...onWire].map((name) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    const batches = () => Array.from({ length: batchesPerRound }, batch);
    const add = (name, microseconds) => {
      if (round >= 0) samples[name].push(microseconds / (batchesPerRound * batchSize));
    };
    for (const [name, run] of Object.entries(ways)) {
      const all = batches();
      const before = process.cpuUsage();
      for (const operations of all) await run(operations);
      const { user, system } = process.cpuUsage(before);
      add(name, user + system);
    }
    const all = batches();
    const { node, caller } = await wire.run(async () => {
      for (const operations of all) await wire.execute(operations);
    });
    add(onWire[0], node);
    add(onWire[1], node + caller);
  }
  return samples;
}

/** One entry of each key, in batches of a thousand. */
async function fillWire(wire, bytes) {
  for (let start = 0; start < keyCount; start += 1000) {
    const puts = Array.from({ length: 1000 }, (_, offset) => ({
      operation: putAt(start + offset, bytes),
      epoch: null,
    }));
    await wire.execute(puts);
  }
}

/** Microseconds of CPU time per get at each end, of callers that ask for one key each, as an idle gateway does; by build. */
async function measureSingles(wires) {
  const samples = Object.fromEntries([...wires.keys()].map((name) => [name, { node: [], caller: [] }]));
  let next = 0;
  const get = () => {
    const index = (next++ * 7919) % keyCount;
    return [{ operation: { kind: "get", shard: index % shardCount, key: keyAt(index) }, epoch: null }];
  };
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [name, wire] of wires) {
      const { node, caller } = await wire.run(async () => {
        const callers = Array.from({ length: singleCallers }, async () => {
          for (let call = 0; call < singlesPerCaller; call++) await wire.execute(get());
        });
        await Promise.all(callers);
      });
      if (round < 0) continue;
      samples[name].node.push(node / (singleCallers * singlesPerCaller));
      samples[name].caller.push(caller / (singleCallers * singlesPerCaller));
    }
  }
  const singles = {};
  for (const [name, { node, caller }] of Object.entries(samples)) {
    singles[name] = { node: median(node), caller: median(caller) };
    console.log(
      `single gets over the wire, ${name}: ${median(node).toFixed(1)} microseconds of CPU at the storage node, ${median(caller).toFixed(1)} at its caller`,
    );
  }
  return singles;
}

/** Both through the hosted shards: one write after another, and as many at once as a busy node has. */
async function measureWrites() {
  const engine = await LmdbEngine.open(folderOf("writes"));
  const host = await ShardHost.open({ engine, ...alone });
  let next = 0;
  const write = () => host.execute([{ operation: putAt(next++, 100), epoch: null }]);
  const perSecond = { single: [], grouped: [] };
  for (let round = 0; round < rounds; round++) {
    perSecond.single.push(
      await rate(async () => {
        await write();
        return 1;
      }),
    );
    perSecond.grouped.push(
      await rate(async () => {
        await Promise.all(Array.from({ length: 1000 }, write));
        return 1000;
      }),
    );
  }
  const ratio = median(perSecond.grouped) / median(perSecond.single);
  console.log(
    `synced writes a second: one after another ${median(perSecond.single).toFixed(0)}, ` +
      `1000 at once ${median(perSecond.grouped).toFixed(0)}, ratio ${ratio.toFixed(1)}`,
  );
  await host.drain();
  await engine.close();
  return { single: median(perSecond.single), grouped: median(perSecond.grouped) };
}

async function rate(run) {
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < 700) count += await run();
  return (count * 1000) / (performance.now() - start);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
