/**
 * What a cluster of many storage nodes costs while no client asks for anything: `node bench/idle.mjs`. A gateway that leads
 * and one that follows, over one PostgreSQL, and all storage nodes in one process (many-nodes.mjs). Prints a table of CPU time,
 * bytes, memory, and how long starts and single changes of the cluster map take. `--gateways 1` has a file for a registry.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, statSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Parts, untilAnswering } from "./cluster.mjs";
import { cpuMsBetween, readCpu } from "./cpu.mjs";

const here = import.meta.dirname;

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: path.resolve(here, "../dist") },
    nodes: { type: "string", default: "2000" },
    shards: { type: "string", default: "16384" },
    gateways: { type: "string", default: "2" },
    seconds: { type: "string", default: "20" },
    changes: { type: "string", default: "20" },
    port: { type: "string", default: "23600" },
    profile: { type: "string" },
  },
});
/** A reading of before a process was started. */
const nothing = { threads: new Map(), processes: 0, ticks: 0 };
const seconds = Number(options.seconds);
const program = path.join(path.resolve(options.build), "cli/main.js");
/** Within that, whatever was started has calmed down: compiled, collected, and every storage node with the leader. */
const settlingMs = 8_000;

const parts = new Parts(Number(options.port), options.profile);
const rows = [];
const note = (what, ...figures) => {
  rows.push([what, ...figures.map(String)]);
  console.error(what, ...figures);
};
try {
  await measure();
  const [head, ...body] = [["", ...(options.gateways === "1" ? ["gateway"] : ["leader", "follower"])], ...rows];
  const lineOf = (cells) => `| ${cells.join(" | ")} |`;
  console.log([lineOf(head), lineOf(head.map(() => "---")), ...body.map(lineOf)].join("\n"));
} finally {
  await parts.stop();
}

async function measure() {
  const { data, place } = await startRegistry();
  const names = options.gateways === "1" ? ["gateway"] : ["leader-gateway", "follower-gateway"];
  const origins = names.map((name) => parts.place(name).origin);
  const nodes = await startNodes(origins);
  const begun = [];
  for (const [index, name] of names.entries()) {
    const startedMs = performance.now();
    parts.start(name, [program, "gateway", ...gatewayArguments(origins[index], { data, place })]);
    await untilAnswering(`${origins[index]}/ready`, (status) => status === 200);
    begun.push({ ms: performance.now() - startedMs, cpuMs: cpuMsBetween(nothing, readCpu([parts.pidOf(name)])) });
  }
  note("from its start until all shards are served, s", ...begun.map(({ ms }) => (ms / 1000).toFixed(1)));
  note("CPU of that, ms", ...begun.map(({ cpuMs }) => cpuMs.toFixed(0)));
  await pause(settlingMs);
  await measureIdleness(names, nodes);
  await measureChanges(origins);
  await measureSizes(place, data, origins[0]);
}

async function startRegistry() {
  const data = parts.newFolder();
  if (options.gateways === "1") return { data, place: path.join(data, "registry.json") };
  // PostgreSQL, which does not run as root, has its files there.
  chmodSync(data, 0o755);
  const { port } = parts.place("registry");
  parts.start("registry", [program, "dev", "registry", "--port", port, "--data", data]);
  await untilConnected(port);
  return { data, place: `postgres://shardgate@127.0.0.1:${port}/postgres` };
}

async function startNodes(origins) {
  const args = [path.join(here, "many-nodes.mjs"), path.resolve(options.build), origins.join(","), options.nodes];
  const nodes = parts.start("nodes", args, { hasChannel: true });
  await new Promise((resolve, reject) => {
    nodes.once("message", resolve);
    nodes.once("exit", () => reject(new Error("The process of the storage nodes ended.")));
  });
  return nodes;
}

function gatewayArguments(origin, { data, place }) {
  const registry = ["--registry", place, ...passwordArguments(place, data)];
  return ["--port", new URL(origin).port, ...registry, "--shards", options.shards, "--nodes", options.nodes];
}

function passwordArguments(place, data) {
  return place.startsWith("postgres:") ? ["--registry-password-file", path.join(data, "postgres/password")] : [];
}

async function measureIdleness(names, nodes) {
  const readAll = () => names.map((name) => readCpu([parts.pidOf(name)]));
  const bytesBefore = await bytesOf(nodes);
  const registryBefore = options.gateways === "1" ? nothing : readCpu([parts.pidOf("registry")]);
  const before = readAll();
  const startedMs = performance.now();
  await pause(seconds * 1000);
  const after = readAll();
  const perSecond = 1000 / (performance.now() - startedMs);
  const bytes = await bytesOf(nodes);
  note("CPU while idle, ms/s", ...after.map((cpu, at) => (cpuMsBetween(before[at], cpu) * perSecond).toFixed(0)));
  const toGateways = (bytes.toGateways - bytesBefore.toGateways) * perSecond;
  const fromGateways = (bytes.fromGateways - bytesBefore.fromGateways) * perSecond;
  note(
    "heartbeats of storage nodes, KB/s",
    `${(toGateways / 1000).toFixed(0)} in`,
    `${(fromGateways / 1000).toFixed(0)} out`,
  );
  if (options.gateways !== "1") {
    const registryMs = cpuMsBetween(registryBefore, readCpu([parts.pidOf("registry")]));
    note("CPU of PostgreSQL, ms/s", (registryMs * perSecond).toFixed(1));
  }
  note("memory, MB", ...names.map((name) => (residentBytesOf(parts.pidOf(name)) / 1e6).toFixed(0)));
}

/** Shards that are given to another storage node one after the other, until the gateway asked last knows of it. */
async function measureChanges(origins) {
  const answered = [];
  const followed = [];
  for (let number = 0; number < Number(options.changes); number++) {
    const shardId = (number * 797) % Number(options.shards);
    const startedMs = performance.now();
    const nodeId = `node${1 + ((number * 31) % Number(options.nodes))}`;
    const { epoch } = await postJson(`${origins[0]}/shards/assign`, { shardId, nodeId, force: true });
    answered.push(performance.now() - startedMs);
    while ((await epochAt(origins.at(-1), shardId)) < epoch) await pause(2);
    followed.push(performance.now() - startedMs);
  }
  note("one change until it is answered, and known to all, ms, median", medianOf(answered), medianOf(followed));
}

async function epochAt(origin, shardId) {
  const { data } = await postJson(`${origin}/graphql`, { query: `{ shard(number: ${shardId}) { epoch } }` });
  return Number(data.shard.epoch);
}

async function measureSizes(place, data, origin) {
  const isShared = place.startsWith("postgres:");
  const file = isShared ? path.join(data, "copy.json") : place;
  if (isShared) {
    const args = [program, "registry", "copy", place, file, ...passwordArguments(place, data)];
    execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  }
  note("cluster map, KB", (statSync(file).size / 1000).toFixed(0));
  if (!isShared) return;
  const leaderId = /"leader":\s*"([^"]+)"/.exec(readFileSync(file, "utf8"))?.[1] ?? null;
  const beat = { url: null, mapVersion: 1, leaderId, seen: [], refused: [] };
  const answer = JSON.stringify(await postJson(`${origin}/gateways/bench/beat`, beat));
  note("the leader's answer to a follower, each second, KB", (answer.length / 1000).toFixed(1));
}

function bytesOf(nodes) {
  return new Promise((resolve) => {
    nodes.once("message", resolve);
    nodes.send("bytes");
  });
}

function residentBytesOf(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

async function postJson(url, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

function medianOf(figures) {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1].toFixed(0);
}

async function untilConnected(port) {
  for (let attempt = 0; attempt < 600; attempt++) {
    const isOpen = await new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.once("close", () => resolve(false)).setTimeout(1000, () => socket.destroy());
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await pause(100);
  }
  throw new Error(`Nothing listens on port ${port} within a minute.`);
}
