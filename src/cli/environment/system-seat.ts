/** Real workers with node:cluster, whose primary accepts connections and distributes them in turn. */
import cluster, { type Worker } from "node:cluster";
import type { MessageLine } from "../../wire/peer.js";
import type { WorkerExit, WorkerProcess, WorkerSeat } from "./worker-process.js";

export function systemSeat(): WorkerSeat {
  if (!cluster.isPrimary) return ownSeat();
  // In turn on every operating system, instead of letting workers compete: see docs/decisions/connections-in-turn.md.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  return {
    kind: "primary",
    hand: (fd) => cluster.setupPrimary({ stdio: ["inherit", "inherit", "inherit", "ipc", fd] }),
    fork: () => workerProcess(cluster.fork()),
  };
}

function ownSeat(): WorkerSeat {
  return { kind: "worker", line: lineToPrimary(), leave: () => process.channel?.unref() };
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

/** The other process has ended; pending calls fail when its end is noticed. */
function ignoreFailure(): void {}
