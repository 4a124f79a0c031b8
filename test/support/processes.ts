/** Real processes of the compiled program, on loopback ports of their own, ended by their id. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

export const repository = path.resolve(import.meta.dirname, "../..");
export const program = path.join(repository, "dist/cli/main.js");

/** Whoever ends in the middle leaves nothing running, and no folder. */
const running = new Set<ChildProcessWithoutNullStreams>();
const folders = new Set<string>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

/** A process whose output is kept. */
export class Run {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";
  readonly #exit: Promise<number | NodeJS.Signals>;

  /** The same command once more. */
  readonly again: () => Run;

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}, cwd = repository) {
    this.again = () => new Run(command, args, environment, cwd);
    this.child = spawn(command, args, { cwd, env: { ...withoutOwn(process.env), ...environment } });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    running.add(this.child);
    this.child.once("exit", () => running.delete(this.child));
    this.#exit = once(this.child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  /** Resolves to the exit code, or to the signal that ended the process. */
  async ended(): Promise<number | NodeJS.Signals> {
    return this.#exit;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends the signal, if the process still runs, and waits for its end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    if (this.isRunning) this.child.kill(signal);
    return this.#exit;
  }

  /** Waits until stdout has what `pattern` says; fails with all output when the process ends before. */
  async prints(pattern: RegExp, withinMs?: number): Promise<RegExpMatchArray> {
    return eventually(() => {
      const match = this.stdout.match(pattern);
      if (match) return match;
      if (!this.isRunning) throw new Stop(`Ended before it printed ${pattern}:\n${this.stdout}\n${this.stderr}`);
      throw new Error(`${pattern} is not in:\n${this.stdout}\n${this.stderr}`);
    }, withinMs);
  }
}

/** A process of shardgate itself, or of another release's `main`. Gateways end without a delay, unless a test wants one. */
export function shardgate(args: readonly string[], environment: NodeJS.ProcessEnv = {}, main = program): Run {
  return new Run(process.execPath, [main, ...args], { SHARDGATE_DRAIN_DELAY: "0", ...environment });
}

/** Thrown inside `eventually` when waiting longer is useless. */
export class Stop extends Error {}

/** Tries until `attempt` does not throw, for at most `withinMs`; then throws what it threw last. */
export async function eventually<T>(attempt: () => T | Promise<T>, withinMs = 30_000): Promise<T> {
  const untilMs = performance.now() + withinMs;
  // What comes at once is not waited for long, and what takes seconds is not asked a thousand times.
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 20)) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Stop || performance.now() > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Below the ports that the system gives to outgoing connections, and above those that services usually have. */
const ports = { first: 10_000, last: 31_999 };

/**
 * `count` neighbouring free ports that no other test takes as long as this process runs, even while nothing listens on
 * them.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = ports.first + Math.floor(Math.random() * (ports.last - ports.first - count));
    const wanted = Array.from({ length: count }, (_, index) => first + index);
    const reservations = await Promise.all(wanted.map(reserve));
    if (reservations.every((reservation) => reservation !== null)) return wanted;
    for (const reservation of reservations) reservation?.close();
  }
  throw new Error(`No ${count} neighbouring free ports found.`);
}

/** A new empty folder, and the function that removes it with all that is in it. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-test-"));
  folders.add(folder);
  const remove = (): void => {
    folders.delete(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  return { path: folder, remove };
}

/**
 * Reserves the port among all tests of this machine until this process ends: with the UDP port of the same number, which
 * leaves the TCP port free to listen on. Null when it is reserved or in use.
 */
async function reserve(port: number): Promise<Socket | null> {
  const socket = createSocket("udp4");
  const server = net.createServer();
  try {
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    await new Promise((resolve) => server.close(resolve));
    return socket.unref();
  } catch {
    socket.close();
    return null;
  }
}

/** The caller's environment without settings of shardgate, which would change what is tested. */
function withoutOwn(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("SHARDGATE_")));
}
