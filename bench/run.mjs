/**
 * Latency and CPU per request of the gateway, beside a bare proxy over the same storage nodes, in interleaved rounds.
 * `npm run bench` from the repository's root; `--quick` for shorter rounds; `--clients N`. Prints a table and writes
 * bench/results/latest.json. Figures of shared machines are noisy: read the ratios of medians.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { startCluster } from "./cluster.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    clients: { type: "string", default: "32" },
    port: { type: "string", default: "14100" },
  },
});
const clients = Number(options.clients);
const rounds = options.quick ? 3 : 7;
const seconds = options.quick ? 2 : 5;
const keyCount = 10_000;

const cluster = await startCluster({ nodes: 3, shards: 64, basePort: Number(options.port) });
try {
  for (const bytes of [100, 4096]) await fill(bytes);
  const rows = [];
  for (const workload of workloads()) {
    await checkEqual(workload);
    rows.push(await measure(workload));
    printRow(rows.at(-1));
  }
  save(rows);
} finally {
  await cluster.stop();
}

function keyOf(bytes, index) {
  return `bench:${bytes}:${index}`;
}

function valueOf(bytes, index) {
  const head = JSON.stringify({ index, text: "" });
  return JSON.stringify({ index, text: "x".repeat(Math.max(0, bytes - head.length)) });
}

/** Each workload as the same job for both: `{ url, method, body }` per request, drawn from `index`. */
function workloads() {
  const single = "query($key:String!){get(key:$key){value}}";
  const many = "query($keys:[String!]!){entries(keys:$keys){...on Entry{value}}}";
  const put = "mutation($key:String!,$value:JSON!){put(key:$key,value:$value){__typename}}";
  const graphql = (query, variables) => ({
    path: "/graphql",
    method: "POST",
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  const keysAt = (bytes, index, count) =>
    JSON.stringify(Array.from({ length: count }, (_, offset) => keyOf(bytes, (index * 7919 + offset * 13) % keyCount)));
  const list = [];
  for (const bytes of [100, 4096]) {
    const key = (index) => keyOf(bytes, (index * 7919) % keyCount);
    list.push({
      name: `get, ${bytes} B`,
      ours: (index) => graphql(single, `{"key":"${key(index)}"}`),
      proxy: (index) => ({ path: `/data/${encodeURIComponent(key(index))}`, method: "GET" }),
      valuesOf: { ours: (json) => [json.data.get.value], proxy: (json) => [json] },
    });
    list.push({
      name: `100 keys of ${bytes} B`,
      ours: (index) => graphql(many, `{"keys":${keysAt(bytes, index, 100)}}`),
      proxy: (index) => ({ path: "/many", method: "POST", body: `{"keys":${keysAt(bytes, index, 100)}}` }),
      valuesOf: { ours: (json) => json.data.entries.map(({ value }) => value), proxy: (json) => json },
    });
  }
  list.push({
    name: "REST get, 100 B",
    ours: (index) => ({ path: `/data/${encodeURIComponent(keyOf(100, (index * 7919) % keyCount))}`, method: "GET" }),
    proxy: (index) => ({ path: `/data/${encodeURIComponent(keyOf(100, (index * 7919) % keyCount))}`, method: "GET" }),
    valuesOf: { ours: (json) => [json], proxy: (json) => [json] },
  });
  list.push({
    name: "put, 100 B",
    ours: (index) => graphql(put, `{"key":"put:${index % keyCount}","value":${valueOf(100, index)}}`),
    proxy: (index) => ({ path: `/data/put%3A${index % keyCount}`, method: "PUT", body: valueOf(100, index) }),
  });
  return list;
}

async function fill(bytes) {
  for (let start = 0; start < keyCount; start += 500) {
    const items = Array.from(
      { length: 500 },
      (_, offset) => `{"key":"${keyOf(bytes, start + offset)}","value":${valueOf(bytes, start + offset)}}`,
    );
    const body = `{"query":"mutation($items:[PutInput!]!){putMany(items:$items){__typename}}","variables":{"items":[${items.join(",")}]}}`;
    const answer = await (
      await fetch(`${cluster.origin}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      })
    ).json();
    if (answer.errors || answer.data.putMany.some(({ __typename }) => __typename !== "PutSuccess"))
      throw new Error(JSON.stringify(answer).slice(0, 500));
  }
}

/** Both must answer the same values before anything is timed. */
async function checkEqual({ name, ours, proxy, valuesOf }) {
  if (valuesOf === undefined) return;
  const answer = async (origin, { path: at, ...rest }) =>
    (await fetch(`${origin}${at}`, { ...rest, headers: { "content-type": "application/json" } })).json();
  for (const index of [0, 1, 4321]) {
    const left = JSON.stringify(valuesOf.ours(await answer(cluster.origin, ours(index))));
    const right = JSON.stringify(valuesOf.proxy(await answer(cluster.proxyOrigin, proxy(index))));
    if (left !== right) throw new Error(`${name}: the answers differ: ${left.slice(0, 200)} ${right.slice(0, 200)}`);
  }
}

async function measure(workload) {
  const samples = { ours: [], proxy: [] };
  await load("ours", workload, 1);
  await load("proxy", workload, 1);
  for (let round = 0; round < rounds; round++) {
    samples.ours.push(await load("ours", workload, seconds));
    samples.proxy.push(await load("proxy", workload, seconds));
  }
  const ours = summary(samples.ours);
  const proxy = summary(samples.proxy);
  return { workload: workload.name, clients, ours, proxy, capacityRatio: proxy.cpuPerRequestMs / ours.cpuPerRequestMs };
}

async function load(who, { [who]: requestOf }, duration) {
  const origin = who === "ours" ? cluster.origin : cluster.proxyOrigin;
  const process_ = who === "ours" ? "gateway" : "proxy";
  const cpuBefore = cluster.cpuMs(process_);
  const nodesBefore = nodesCpuMs();
  let index = Math.floor(Math.random() * 1e6);
  const result = await autocannon({
    url: origin,
    connections: clients,
    duration,
    headers: { "content-type": "application/json" },
    requests: [{ setupRequest: (request) => ({ ...request, ...requestOf(index++) }) }],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${who}: ${result.non2xx} bad answers, ${result.errors} errors`);
  const requests = result["2xx"];
  return {
    cpuPerRequestMs: (cluster.cpuMs(process_) - cpuBefore) / requests,
    nodesCpuPerRequestMs: (nodesCpuMs() - nodesBefore) / requests,
    requestsPerSecond: requests / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}

function nodesCpuMs() {
  return cluster.nodeNames.reduce((sum, name) => sum + cluster.cpuMs(name), 0);
}

function summary(samples) {
  const medianOf = (field) => {
    const sorted = samples.map((sample) => sample[field]).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  return Object.fromEntries(Object.keys(samples[0]).map((field) => [field, medianOf(field)]));
}

function printRow({ workload, ours, proxy, capacityRatio }) {
  const side = ({ cpuPerRequestMs, requestsPerSecond, p50Ms, p99Ms, nodesCpuPerRequestMs }) =>
    `${cpuPerRequestMs.toFixed(3)} ms CPU, nodes ${nodesCpuPerRequestMs.toFixed(3)}, ${requestsPerSecond.toFixed(0)}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  console.log(
    `${workload.padEnd(20)} ${clients} clients | shardgate: ${side(ours)} | proxy: ${side(proxy)} | capacity per core ×${capacityRatio.toFixed(2)}`,
  );
}

function save(rows) {
  const folder = path.resolve(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const report = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpus: os.cpus().length,
    rounds,
    seconds,
    rows,
  };
  writeFileSync(path.join(folder, "latest.json"), `${JSON.stringify(report, null, 2)}\n`);
}
