/** An environment inside the test: streams that keep what is written, signals that the test sends, children it makes. */
import { randomUUID } from "node:crypto";
import { PassThrough, Readable, Writable } from "node:stream";
import type { Child, Environment } from "../../src/cli/environment/environment.js";
import { systemClock } from "../../src/cli/environment/system-clock.js";

export interface TestEnvironment extends Environment {
  /** The output so far. */
  readonly written: { readonly out: string; readonly err: string };
  /** Asks the command to stop. */
  send(reason: string): void;
  /** Handlers that wait for a request to stop. */
  readonly handlers: ReadonlySet<(reason: string) => void>;
}

export function testEnvironment(overrides: Partial<Environment> = {}): TestEnvironment {
  const out: string[] = [];
  const err: string[] = [];
  const handlers = new Set<(reason: string) => void>();
  return {
    stdin: Readable.from([]),
    stdout: keeping(out),
    stderr: keeping(err),
    clock: systemClock,
    variable: () => undefined,
    random: () => 0,
    utilization: () => 1,
    resolve: () => Promise.reject(new Error("No host name is expected.")),
    randomBytes: (count) => Buffer.alloc(count, 7),
    newId: randomUUID,
    onSignal: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    programName: "node dist/cli/main.js",
    startChild: () => {
      throw new Error("No child is expected.");
    },
    startProgram: () => {
      throw new Error("No program is expected.");
    },
    killAtExit: () => () => undefined,
    openSeat: () => Promise.reject(new Error("No worker is expected.")),
    ...overrides,
    written: {
      get out() {
        return out.join("");
      },
      get err() {
        return err.join("");
      },
    },
    send: (reason) => {
      for (const handler of handlers) handler(reason);
    },
    handlers,
  };
}

/** A stream of bytes like standard input, in chunks of `chunkBytes`. */
export function bytesOf(text: string | Uint8Array, chunkBytes = 65_536): Readable {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / chunkBytes);
  return Readable.from(
    Array.from({ length: count }, (_, index) => bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
  );
}

/** A child that runs nothing; the test decides what it prints and when it ends. */
export class FakeChild implements Child {
  readonly pid: number;
  readonly stdout = new PassThrough();
  readonly exited: Promise<string>;
  readonly signals: string[] = [];
  /** Whether it ignores SIGTERM. */
  isStubborn = false;
  #end: (how: string) => void = () => undefined;

  constructor(pid: number) {
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  end(how: string): void {
    this.stdout.end();
    this.#end(how);
  }

  kill(signal: "SIGTERM" | "SIGKILL"): void {
    this.signals.push(signal);
    if (signal === "SIGKILL") this.end("SIGKILL");
    else if (!this.isStubborn) this.end("exit code 0");
  }
}

function keeping(texts: string[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      texts.push(chunk.toString("utf8"));
      done();
    },
  });
}
