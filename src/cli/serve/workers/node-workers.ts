/**
 * A storage node of several workers. Their primary process opens no data: the engine's transactions keep the epochs of
 * the shards and the order of the writes right for all of them.
 */
import type { Clock } from "../../../core/clock.js";
import type { Log } from "../../../core/log.js";
import type { NodeWorker, StorageNode } from "../../../storage-node/node-server.js";
import { Peer } from "../../../wire/peer.js";
import type { Environment } from "../../environment/environment.js";
import { listenForStop } from "../stop-request.js";
import { joinPrimary, metricsOfAll } from "./own-worker.js";
import { runWorkers } from "./run-workers.js";
import type { PrimaryCalls } from "./worker-calls.js";
import type { OwnWorkerSeat, PrimarySeat } from "../../environment/worker-process.js";

/** What one process of a storage node is: the only one, or a worker. */
export interface NodeRole {
  readonly log: Log;
  readonly incarnation: string;
  /** Null for the only one. */
  readonly worker: NodeWorker | null;
  /** To be called once it serves. */
  serves(node: StorageNode): void;
}

export function aloneAsNode(log: Log, { newId, stdout }: Pick<Environment, "newId" | "stdout">): NodeRole {
  return { log, incarnation: newId(), worker: null, serves: ({ url }) => void stdout.write(`listening ${url}\n`) };
}

/** All workers are one storage node, so they share one incarnation. */
interface NodeBegin {
  readonly incarnation: string;
  readonly count: number;
}

export interface NodeJoinParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly logOf: (worker: number) => Log;
}

export async function joinAsNode(seat: OwnWorkerSeat, { clock, log, logOf }: NodeJoinParts): Promise<NodeRole> {
  let node: StorageNode | null = null;
  const calls = { figures: async () => (await node?.metrics()) ?? [] };
  const primary = new Peer<PrimaryCalls>({ line: seat.line, calls, clock, log });
  const { worker, incarnation, count } = await joinPrimary<NodeBegin>(primary);
  return {
    log: logOf(worker),
    incarnation,
    worker: { isFirst: worker === 1, count, metricsText: () => metricsOfAll(primary) },
    serves(started) {
      node = started;
      primary.tell("listening", started.url);
    },
  };
}

export interface NodeWorkersParts {
  readonly count: number;
  readonly environment: Pick<Environment, "clock" | "stdout" | "newId" | "onSignal">;
  readonly log: Log;
}

/** The primary process, from its start to its end. Rejects as `runWorkers` does. */
export async function runNodeWorkers(seat: PrimarySeat, parts: NodeWorkersParts): Promise<void> {
  const stop = listenForStop(parts.environment);
  try {
    const { MetricsOfWorkers } = await import("./metrics-of-workers.js");
    const metrics = new MetricsOfWorkers();
    const begin: NodeBegin = { incarnation: parts.environment.newId(), count: parts.count };
    await runWorkers({
      ...parts,
      seat,
      stop,
      service: {
        beginOf(peer) {
          metrics.came(peer);
          return begin;
        },
        calls: {},
        metrics: () => metrics.text(),
        onGone: (peer) => void metrics.gone(peer),
      },
    });
    parts.log.info({}, "The storage node stopped.");
  } finally {
    stop.dispose();
  }
}
