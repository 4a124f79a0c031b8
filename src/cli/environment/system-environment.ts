/** The real environment: this process's streams and signals, the real clock, real child processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { ADDRCONFIG } from "node:dns";
import { lookup } from "node:dns/promises";
import { closeSync, openSync, writeSync } from "node:fs";
import { relative } from "node:path";
import { Readable } from "node:stream";
import { inspect } from "node:util";
import type { Child, Environment, Program, ProgramUser } from "./environment.js";
import { loopUtilization } from "./loop-utilization.js";
import { shellWord } from "./shell-word.js";
import { systemClock } from "./system-clock.js";

/** Pause between two checks whether the npm that started a process has ended; its port is free again soon after. */
export const parentPollMs = 500;

/** `mainPath` is the file that Node.js runs for this program. */
export function systemEnvironment(mainPath: string): Environment {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    variable: (name) => process.env[name],
    random: Math.random,
    utilization: loopUtilization(),
    // The same lookup that Node.js uses for the host of a connection.
    resolve: (host) => lookup(host, { all: true, hints: ADDRCONFIG }),
    randomBytes,
    newId: randomUUID,
    onSignal,
    programName: `node ${shellWord(relative(process.cwd(), mainPath))}`,
    startChild: (args, logPath) => startChild([mainPath, ...args], logPath),
    startProgram,
    killAtExit,
    openSeat: async () => (await import("./system-seat.js")).systemSeat(),
  };
}

/**
 * Reports SIGTERM, SIGINT, and the end of the parent: of `shardgate dev` (its IPC channel closes), and of npm, which
 * runs its commands in a shell that ends at SIGTERM without passing it on.
 */
function onSignal(handler: (reason: string) => void): () => void {
  const onParentsEnd = () => handler("the end of its parent");
  process.on("SIGTERM", handler).on("SIGINT", handler).on("disconnect", onParentsEnd);
  const stopWatching = process.env["npm_lifecycle_event"] === undefined ? () => {} : watchParent(onParentsEnd);
  return () => {
    stopWatching();
    process.off("SIGTERM", handler).off("SIGINT", handler).off("disconnect", onParentsEnd);
  };
}

/** An orphan gets another parent without an event. */
function watchParent(onEnd: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onEnd();
  }, parentPollMs);
  timer.unref();
  return () => clearInterval(timer);
}

function killAtExit(): () => void {
  const kill = (): void => void process.kill(process.pid, "SIGKILL");
  // Node.js prints an uncaught error only after this event, and so would not get to do so.
  const write = (error: unknown): void => void writeSync(process.stderr.fd, `${inspect(error)}\n`);
  process.once("exit", kill).once("uncaughtExceptionMonitor", write);
  return () => void process.off("exit", kill).off("uncaughtExceptionMonitor", write);
}

/** Variables that are meant for one process, or for clusters that are not entirely on loopback. */
const notForChildren = /^SHARDGATE_(ADVERTISE|ALLOW_NODES|ID|WORKERS|TLS_\w+)$/;

function startChild(args: readonly string[], logPath: string): Child {
  const log = openSync(logPath, "w");
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !notForChildren.test(name)));
  // In a process group of its own. On Windows that would open a window.
  const detached = process.platform !== "win32";
  const child = spawn(process.execPath, args, { env, detached, stdio: ["ignore", "pipe", log, "ipc"] });
  closeSync(log);
  return {
    pid: child.pid,
    stdout: child.stdout ?? Readable.from([]),
    exited: exitOf(child),
    kill: (signal) => void child.kill(signal),
  };
}

/**
 * Variables that another program may need. It gets no others: it may run as another user, whose processes can read them,
 * and this program passes all settings as arguments.
 */
const forPrograms = /^(PATH|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|(LD|DYLD)_LIBRARY_PATH)$/i;

function startProgram(path: string, args: readonly string[], user: ProgramUser | null): Program {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => forPrograms.test(name)));
  const rights = user === null ? {} : { uid: user.uid, gid: user.gid };
  const child = spawn(path, args, {
    ...rights,
    // Its output is parsed.
    env: { ...own, LC_ALL: "C" },
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  return {
    pid: child.pid,
    said: child.stderr ?? Readable.from([]),
    exited: exitOf(child),
    kill: (signal) => void child.kill(signal),
  };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}
