/**
 * A PostgreSQL server for one benchmark: its own cluster in a temporary folder, on loopback, durable as PostgreSQL is by
 * default. It is not installed here: without a server on this machine there is none.
 */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** The folder with `initdb` and `postgres`, the newest of Debian's or else one in PATH; null when there is none. */
export function findPostgres() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => path.join(debian, version, "bin")),
    ...(process.env.PATH ?? "").split(path.delimiter),
  ];
  return folders.find((folder) => ["initdb", "postgres"].every((name) => existsSync(path.join(folder, name)))) ?? null;
}

/**
 * Makes the cluster. What it answers starts it: `spawn(command, args, options)`, reached at `url`, kept in `folder`. With
 * `isProfiled` it counts what its statements take.
 */
export function preparePostgres(port, isProfiled) {
  const programs = findPostgres();
  const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-bench-postgres-"));
  const options = { cwd: folder, ...userOf() };
  if (options.uid !== undefined) chownSync(folder, options.uid, options.gid);
  const data = path.join(folder, "data");
  const initdbArgs = ["--pgdata", data, "--username", "bench", "--auth", "trust", "--encoding", "UTF8", "--no-sync"];
  execFileSync(path.join(programs, "initdb"), initdbArgs, { ...options, stdio: ["ignore", "ignore", "inherit"] });
  const settings = ["log_min_messages=panic", ...(isProfiled ? ["shared_preload_libraries=pg_stat_statements"] : [])];
  return {
    folder,
    url: `postgres://bench@127.0.0.1:${port}/postgres`,
    command: path.join(programs, "postgres"),
    args: ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder, ...settings.flatMap((one) => ["-c", one])],
    options,
  };
}

/** Resolves when the server at `url` takes statements. */
export async function untilConnected(url) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await queried(url, "select 1");
    } catch (error) {
      if (attempt === 100) throw error;
      await pause(100);
    }
  }
}

/** Call after writing many rows: vacuums and counts them for the planner, as autovacuum does within a minute. */
export async function vacuum(url) {
  await queried(url, "vacuum analyze");
}

/** The statements that took the most time, for people to read; of a server that is profiled. */
export async function statementsText(url) {
  await queried(url, "create extension if not exists pg_stat_statements");
  const { rows } = await queried(
    url,
    `select calls, rows, total_exec_time::bigint as total_ms, (1000 * mean_exec_time)::bigint as mean_us,
       wal_bytes / calls as wal_bytes, query
     from pg_stat_statements where calls > 100 order by total_exec_time desc limit 30`,
  );
  return rows.map(({ query, ...figures }) => `${JSON.stringify(figures)}\n${query}\n`).join("\n");
}

async function queried(url, text) {
  // A package of the peers': most benchmarks do without.
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return await client.query(text);
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody` where there is no such user. */
function userOf() {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = ["postgres", "nobody"].map((name) => users.find((fields) => fields[0] === name)).find(Boolean);
  if (user === undefined) throw new Error("PostgreSQL does not run as root, and there is no user postgres or nobody.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
