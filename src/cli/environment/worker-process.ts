/** The processes of a command with several workers, as the real environment makes them with node:cluster and tests without. */
import type { MessageLine } from "../../wire/peer.js";

/** What this process is among them. */
export type WorkerSeat = PrimarySeat | OwnWorkerSeat;

/** The one that a person started: it holds the sockets that its workers listen on, and serves nothing itself. */
export interface PrimarySeat {
  readonly kind: "primary";
  /** Workers that are started from now on have the open file `fd`, too, and keep it open as long as they live. */
  hand(fd: number): void;
  /** Starts this command once more, as a worker. */
  fork(): WorkerProcess;
}

/** One of those that serve. It ends by itself when its primary is gone. */
export interface OwnWorkerSeat {
  readonly kind: "worker";
  readonly line: MessageLine;
  /** What it served with is closed: the process may end as soon as nothing else keeps it. */
  leave(): void;
}

/** A worker as its primary sees it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** The worker speaks first: what it is sent before may be lost. */
  readonly line: MessageLine;
  /** Resolves when the process is gone, or could not be started. */
  readonly exited: Promise<WorkerExit>;
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void;
}

export interface WorkerExit {
  /** Null when a signal ended it, or it could not be started. */
  readonly code: number | null;
  /** How it ended, for people: "exit code 1", "SIGKILL". */
  readonly how: string;
}
