/**
 * The processes of a command with several workers: the real environment creates them with node:cluster, tests without.
 */
import type { MessageLine } from "../../wire/peer.js";

/** The role of this process. */
export type WorkerSeat = PrimarySeat | OwnWorkerSeat;

/**
 * The process that was started by a person: it holds the sockets that its workers listen on, and serves nothing itself.
 */
export interface PrimarySeat {
  readonly kind: "primary";
  /** Workers that are started from now on inherit the open file `fd` and keep it open as long as they live. */
  hand(fd: number): void;
  /** Starts another process of this command, as a worker. */
  fork(): WorkerProcess;
}

/** A process that serves. It ends by itself when its primary has ended. */
export interface OwnWorkerSeat {
  readonly kind: "worker";
  readonly line: MessageLine;
  /**
   * Called when everything that the worker served with is closed: the process may end as soon as nothing else keeps it
   * alive.
   */
  leave(): void;
}

/** A worker from the view of its primary. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** The worker must speak first: messages sent to it before that may be lost. */
  readonly line: MessageLine;
  /** Resolves when the process has ended or could not be started. */
  readonly exited: Promise<WorkerExit>;
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void;
}

export interface WorkerExit {
  /** Null when a signal ended it, or it could not be started. */
  readonly code: number | null;
  /** How it ended, for people: "exit code 1", "SIGKILL". */
  readonly how: string;
}
