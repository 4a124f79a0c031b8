/** Starts what a benchmark needs as processes on loopback, and ends them by their ids. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { preparePostgres, statementsText, untilConnected } from "./postgres.mjs";
import { readShardMap } from "./shard-map.mjs";

const here = import.meta.dirname;
const root = path.resolve(here, "..");
/** Hive does not end on SIGTERM. */
const graceMs = 3000;
/** A gateway that is profiled writes what it has when it has drained. */
const profiledGraceMs = 30_000;

/**
 * Storage nodes, a gateway, and one process for each of `scripts` (peer name to file) over the same nodes; resolves when
 * all of them answer. `options`: `delayMs` is how much later than it arrived a storage node sees what it is sent; with
 * `areNodesTogether` all storage nodes are one process, with engines in memory; `workers` are the gateway's; `before` is
 * the folder of an earlier commit that was built, of which there are storage nodes and a gateway beside; with
 * `hasPostgres` there is a PostgreSQL server too, and scripts get its address as their third argument; with
 * `hasSharedStore` there is one more gateway, whose storage nodes keep their entries in that server. Gateways, and storage
 * nodes over PostgreSQL, leave CPU profiles in `profile`, if given, and PostgreSQL what its statements took.
 */
export async function startCluster({ scripts = {}, hasPostgres, hasSharedStore, before, basePort, ...options }) {
  const parts = new Parts(basePort, options.profile);
  try {
    const builds = { today: await startBuild(parts, { ...options, folder: root, prefix: "" }) };
    if (before !== undefined)
      builds.before = await startBuild(parts, { ...options, folder: path.resolve(before), prefix: "before-" });
    const postgresUrl = hasPostgres || hasSharedStore ? await parts.startPostgres() : "";
    if (hasSharedStore)
      builds.postgres = await startBuild(parts, { ...options, folder: root, prefix: "postgres-", store: postgresUrl });
    for (const [name, script] of Object.entries(scripts)) {
      const { port, origin } = parts.place(name);
      parts.start(name, [path.resolve(here, script), port, parts.originOf("gateway"), postgresUrl]);
      await untilAnswering(origin, (status) => status > 0);
    }
    return {
      shardMap: builds.today.shardMap,
      originOf: (name) => parts.originOf(name),
      pidsOf: (names) => names.map((name) => parts.pidOf(name)),
      /** Empty without a PostgreSQL server. */
      postgresUrl,
      nodeNamesOf: (build = "today") => builds[build].nodeNames,
      gateways: Object.values(builds).map(({ gateway }) => parts.originOf(gateway)),
      stop: () => parts.stop(),
    };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/** Storage nodes have LMDB, or share `store`, a database's address. */
async function startBuild(parts, { folder, prefix, store, delayMs = 0, areNodesTogether = false, ...setting }) {
  const { nodes, shards, workers } = setting;
  const program = path.join(folder, "dist/cli/main.js");
  const gateway = `${prefix}gateway`;
  const data = parts.newFolder();
  const { port, origin } = parts.place(gateway);
  const gatewayArgs = ["--port", port, "--registry", path.join(data, "registry.json"), "--shards", shards];
  const workersArgs = workers === undefined ? [] : ["--workers", workers];
  parts.start(gateway, [program, "gateway", ...gatewayArgs, "--nodes", nodes, ...workersArgs]);
  await untilAnswering(`${origin}/health`, (status) => status > 0);
  const nodeNames = [];
  if (areNodesTogether) {
    nodeNames.push(`${prefix}nodes`);
    parts.start(nodeNames[0], [path.join(here, "many-nodes.mjs"), path.join(folder, "dist"), origin, nodes]);
  } else {
    const delay = delayMs === 0 ? [] : ["--import", path.join(here, "delayed-server.mjs")];
    const engine = store === undefined ? ["--data", data] : ["--engine", "postgres", "--store", store];
    for (let number = 1; number <= nodes; number++) {
      const name = `${prefix}node${number}`;
      nodeNames.push(name);
      const args = ["node", "--id", `node${number}`, "--port", parts.place(name).port, "--gateway", origin];
      parts.start(name, [...delay, program, ...args, ...engine], { env: { BENCH_DELAY_MS: String(delayMs) } });
    }
  }
  await untilAnswering(`${origin}/ready`, (status) => status === 200);
  return { gateway, nodeNames, shardMap: await readShardMap(origin) };
}

/** The processes, folders and ports of one cluster. */
export class Parts {
  #folders = [];
  #children = new Map();
  #origins = new Map();
  #nextPort;
  #profile;
  #postgresUrl = null;

  constructor(basePort, profile) {
    this.#nextPort = basePort;
    this.#profile = profile;
  }

  newFolder() {
    this.#folders.push(mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-")));
    return this.#folders.at(-1);
  }

  /** Where a process of this name is to listen. */
  place(name) {
    const port = this.#nextPort++;
    const origin = `http://127.0.0.1:${port}`;
    this.#origins.set(name, origin);
    return { port, origin };
  }

  originOf(name) {
    return this.#origins.get(name);
  }

  pidOf(name) {
    return this.#children.get(name).pid;
  }

  /** With a channel, the child and this process can send each other messages. */
  start(name, args, { env = {}, hasChannel = false } = {}) {
    const production = { SHARDGATE_LOG_LEVEL: "error", NODE_ENV: "production", GRAPHILE_ENV: "production" };
    const settings = { ...process.env, ...production, ...env };
    const isProfiled = this.#profile !== undefined && /gateway$|^postgres-/.test(name);
    const profile = isProfiled ? profileArgs(this.#profile, name) : [];
    const stdio = ["ignore", "ignore", "inherit", ...(hasChannel ? ["ipc"] : [])];
    const child = spawn(process.execPath, [...profile, ...args].map(String), { stdio, env: settings });
    this.#children.set(name, child);
    return child;
  }

  /** Its URL, when it answers. */
  async startPostgres() {
    const { folder, url, command, args, options } = preparePostgres(this.#nextPort++, this.#profile !== undefined);
    this.#folders.push(folder);
    this.#children.set("postgres", spawn(command, args, { ...options, stdio: ["ignore", "ignore", "inherit"] }));
    await untilConnected(url);
    this.#postgresUrl = url;
    return url;
  }

  async stop() {
    if (this.#postgresUrl !== null && this.#profile !== undefined) {
      mkdirSync(this.#profile, { recursive: true });
      writeFileSync(path.join(this.#profile, "statements.txt"), await statementsText(this.#postgresUrl));
    }
    const children = [...this.#children];
    // Storage nodes that share its store are done with PostgreSQL when they have ended.
    await this.#end(children.filter(([name]) => name !== "postgres"));
    await this.#end(children.filter(([name]) => name === "postgres"));
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  async #end(children) {
    const ends = children.map(
      ([, child]) => new Promise((resolve) => (isRunning(child) ? child.once("exit", resolve) : resolve())),
    );
    // PostgreSQL takes SIGTERM as a wish to wait for its clients, and SIGINT as one to stop.
    for (const [name, child] of children) child.kill(name === "postgres" ? "SIGINT" : "SIGTERM");
    const overdueMs = this.#profile === undefined ? graceMs : profiledGraceMs;
    const overdue = setTimeout(() => {
      for (const [, child] of children) child.kill("SIGKILL");
    }, overdueMs);
    await Promise.all(ends);
    clearTimeout(overdue);
  }
}

function profileArgs(folder, name) {
  return ["--cpu-prof", "--cpu-prof-dir", path.resolve(folder, name)];
}

function isRunning(child) {
  return child.exitCode === null && child.signalCode === null;
}

/** Resolves when `url` answers with a status that `isGood` takes; 0 stands for no answer. */
export async function untilAnswering(url, isGood) {
  for (let attempt = 0; attempt < 1200; attempt++) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (isGood(status)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not answer as it should within a minute.`);
}
