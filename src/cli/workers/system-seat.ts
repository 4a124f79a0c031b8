/** The real workers: node:cluster, whose primary accepts connections and hands them out in turn. */
import cluster, { type Worker } from "node:cluster";
import type { MessageLine } from "../../wire/peer.js";
import type { WorkerExit, WorkerProcess, WorkerSeat } from "./worker-process.js";

export function systemSeat(): WorkerSeat {
  if (!cluster.isPrimary) return ownSeat();
  // In turn, also where an operating system would have them compete.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  return { kind: "primary", fork: () => workerProcess(cluster.fork()) };
}

/**
 * When the primary is gone, node:cluster ends this process at once. It must not end in the middle of a commit as Node.js ends
 * processes: lmdb would wait for its own thread, and that one for JavaScript, which runs no more, with the lock that the other
 * workers need. Killed, it leaves the lock to them.
 */
function ownSeat(): WorkerSeat {
  const end = (): void => void process.kill(process.pid, "SIGKILL");
  process.once("exit", end);
  const leave = (): void => {
    process.off("exit", end);
    process.channel?.unref();
  };
  return { kind: "worker", line: lineToPrimary(), leave };
}

function lineToPrimary(): MessageLine {
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, ignoreFailure);
    },
    onMessage: (listener) => void process.on("message", listener),
  };
}

function workerProcess(worker: Worker): WorkerProcess {
  return {
    pid: worker.process.pid,
    line: {
      send(message) {
        if (worker.isConnected()) worker.process.send?.(message as object, undefined, undefined, ignoreFailure);
      },
      onMessage: (listener) => void worker.on("message", listener),
    },
    exited: new Promise<WorkerExit>((resolve) => {
      worker.once("error", ({ message }: Error) => resolve({ code: null, how: message }));
      worker.once("exit", (code: number | null, signal: string | null) =>
        resolve({ code, how: signal ?? `exit code ${code}` }),
      );
    }),
    kill: (signal) => void worker.process.kill(signal),
  };
}

/** The other process is gone, and whoever waits for it is told when its end is noticed. */
function ignoreFailure(): void {}
