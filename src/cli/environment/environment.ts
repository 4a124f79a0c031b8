/**
 * Everything outside of the program that a command may use, so that every command runs in a test as it runs in a shell.
 * system-environment.ts implements it. Environment variables that set an option are read by commander.
 */
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../core/clock.js";
import type { Resolve } from "../../registry/address/node-guard.js";
import type { WorkerSeat } from "./worker-process.js";

export interface Environment {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /**
   * The environment variable `name`; for secrets, which must not be options, and for variables that are common to all
   * programs.
   */
  variable(name: string): string | undefined;
  /** A random number from 0 to below 1. */
  random(): number;
  /** The share of recent time, from 0 to 1, for which this process's event loop was busy. */
  utilization(): number;
  /** Resolves host names to addresses. */
  readonly resolve: Resolve;
  /** Cryptographically secure random bytes. */
  randomBytes(count: number): Buffer;
  /** A new globally unique id. */
  newId(): string;
  /** Calls `handler` with the reason at every request to stop; returns the function that ends this. */
  onSignal(handler: (reason: string) => void): () => void;
  /** The command that starts this program in the current folder, as shell words: `node dist/cli/main.js`. */
  readonly programName: string;
  /**
   * Starts another instance of this program with `args`, as a child that ends when this process does. Ctrl-C in a
   * terminal reaches this process only, which stops its children in order.
   */
  startChild(args: readonly string[], logPath: string): Child;
  /**
   * Starts another program, as `user` if one is named. It may outlive this process. If Ctrl-C of a terminal does not
   * reach this process, it does not reach the program either.
   */
  startProgram(path: string, args: readonly string[], user: ProgramUser | null): Program;
  /**
   * From now on this process is killed where it would end by itself, for example after an uncaught error; returns the
   * function that ends this. Required while an LMDB file is open: if the process ended in the middle of a commit, lmdb
   * would wait for its own thread, which would wait for JavaScript that no longer runs, while holding the file's lock.
   */
  killAtExit(): () => void;
  /** The role of this process among those of a command with several workers. Called only by such commands. */
  openSeat(): Promise<WorkerSeat>;
}

/** The input of a command; `isTTY` is true when a person types. */
export type Input = Readable & { readonly isTTY?: boolean };

/** The output of a command; `isTTY` is true when a person reads it. */
export type Output = Writable & { readonly isTTY?: boolean };

/** A user of the operating system. */
export interface ProgramUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A process of another program, without standard input and output. */
export interface Program {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** The program's standard error. */
  readonly said: Readable;
  /** See `Child`. */
  readonly exited: Promise<string>;
  kill(signal: "SIGINT" | "SIGKILL"): void;
}

/** A child process. Its standard error goes to the log file that it was started with. */
export interface Child {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly stdout: Readable;
  /** Resolves when the process has ended or could not be started, to how that happened: "exit code 1", "SIGKILL". */
  readonly exited: Promise<string>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}
