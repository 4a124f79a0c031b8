/**
 * Who serves the jobs, and how each is asked. CPU time per request is that of a contestant's own processes, and beside it
 * that of what it asks in its turn.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { graphql } from "./dialects/graphql.mjs";
import { hive } from "./dialects/hive.mjs";
import { postgraphile } from "./dialects/postgraphile.mjs";
import { facade, proxy } from "./dialects/rest.mjs";
import { storageNodes } from "./dialects/storage-nodes.mjs";
import { findPostgres } from "./postgres.mjs";

const reads = ["get", "getMany"];
const keyed = [...reads, "put", "putMany"];
const all = [...keyed, "scan"];
/** The name of PostgreSQL's process. */
export const database = "postgres";
const needsDatabase = new Set(["shardgate over PostgreSQL", "postgraphile"]);

/**
 * `process` is the name of the process that is asked, `script` what starts it, `kinds` the jobs that it can do, and
 * `upstream` what it asks beside or instead of the storage nodes. `build` is "before" for what an earlier commit was built
 * to, and "postgres" for storage nodes that share a store in PostgreSQL; both have a gateway of their own. `dialectOf(shardMap)` stands for a dialect that needs the map; such a contestant
 * has no process of its own, so the storage nodes are it.
 */
export const contestants = {
  shardgate: { process: "gateway", dialect: graphql, kinds: all },
  before: { process: "before-gateway", build: "before", dialect: graphql, kinds: all },
  "shardgate over PostgreSQL": {
    process: "postgres-gateway",
    build: "postgres",
    upstream: (nodeNames) => [...nodeNames, database],
    dialect: graphql,
    kinds: all,
  },
  "shardgate REST": { process: "gateway", dialect: facade, kinds: ["get", "put"] },
  "bare proxy": { process: "bare-proxy", script: "peers/bare-proxy.mjs", dialect: proxy, kinds: all },
  "bare batching": { process: "bare-batching", script: "peers/bare-batching.mjs", dialect: graphql, kinds: ["get"] },
  "bare frames": { process: "bare-frames", script: "peers/bare-frames.mjs", dialect: graphql, kinds: ["get"] },
  "storage nodes": { dialectOf: storageNodes, kinds: all },
  mercurius: { process: "mercurius", script: "peers/mercurius.mjs", dialect: graphql, kinds: keyed },
  apollo: { process: "apollo", script: "peers/apollo.mjs", dialect: graphql, kinds: keyed },
  yoga: { process: "yoga", script: "peers/yoga.mjs", dialect: graphql, kinds: keyed },
  hive: {
    process: "hive",
    script: "peers/hive.mjs",
    upstream: (nodeNames) => ["gateway", ...nodeNames],
    dialect: hive,
    kinds: [...reads, "put"],
  },
  postgraphile: {
    process: "postgraphile",
    script: "peers/postgraphile.mjs",
    upstream: () => [database],
    dialect: postgraphile,
    kinds: keyed,
  },
};

/** Contestants of these names by name, without those that cannot take part here: `say` is told why. */
export function takingPart(names, { before, say }) {
  const problemOf = (name) => {
    const { build, script } = contestants[name];
    if (build === "before" && before === undefined) return "no build of an earlier commit is given (--before)";
    if (script !== undefined && !existsSync(path.resolve(import.meta.dirname, script))) return `there is no ${script}`;
    if (needsDatabase.has(name) && findPostgres() === null) return "there is no PostgreSQL server on this machine";
    return null;
  };
  const able = names.filter((name) => {
    const problem = problemOf(name);
    if (problem !== null) say(`${name} is left out: ${problem}.`);
    return problem === null;
  });
  return Object.fromEntries(able.map((name) => [name, contestants[name]]));
}

/** The names of the processes of a contestant, and of what it asks, of `nodeNames`. */
export function processesOf({ process, upstream }, nodeNames) {
  return process === undefined
    ? { own: nodeNames, upstream: [] }
    : { own: [process], upstream: upstream?.(nodeNames) ?? nodeNames };
}

/** How a contestant of `cluster` is asked: jobs to requests, and answers back to what was read. */
export function askerOf({ process, dialect, dialectOf }, cluster) {
  const { requestsOf, resultOf } = dialect ?? dialectOf(cluster.shardMap);
  const origin = cluster.originOf(process);
  return { requestsOf: (job) => requestsOf(job, origin), resultOf };
}
