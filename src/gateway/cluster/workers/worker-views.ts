/**
 * The primary's side of a gateway of several workers: sends each of them every new cluster map, every sign of life and
 * the problems of storage nodes, and answers what they ask of the leader. A change is answered once all workers use its
 * map, so that the next request to any of them sees it; a worker that does not answer delays each change by
 * `mapToldTimeoutMs`.
 */
import type { Log } from "../../../core/log.js";
import { clusterMapToText } from "../../../registry/text/cluster-map-text.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { ClusterStanding } from "../cluster-standing.js";
import type { ClusterBegin, ClusterNews } from "../follower/followed-cluster.js";
import type { NodeReports } from "../node-reports.js";
import { answersOf, type CalledLeader, type LeaderCalls } from "./leader-calls.js";
import { WorkerEvidence } from "./worker-evidence.js";

/**
 * How long a change of the cluster map waits for the gateway's workers to use it: they do so within a turn of the event
 * loop, or hang.
 */
export const mapToldTimeoutMs = 1_000;

export interface WorkerViewsParts {
  readonly registry: Pick<Registry, "map" | "onChange">;
  readonly liveness: Pick<Liveness, "signs">;
  readonly log: Log;
}

/** What the workers follow: the cluster as the primary has it. */
type PrimaryCluster = CalledLeader & {
  readonly reports: Pick<NodeReports, "of" | "rows" | "onChange">;
  readonly standing: ClusterStanding;
};

type Worker = Pick<Peer<ClusterNews>, "ask" | "tell">;

export class WorkerViews {
  readonly #parts: WorkerViewsParts;
  /** By worker: resolves when the worker uses the last map that it was sent; never rejects. */
  readonly #sent = new Map<Worker, Promise<void>>();
  readonly #stopListening: (() => void)[];
  /** What the requests of the workers show of storage nodes. */
  readonly evidence = new WorkerEvidence(() => this.#sent.keys());
  /** Once it is there. */
  #cluster: PrimaryCluster | null = null;

  constructor(parts: WorkerViewsParts) {
    this.#parts = parts;
    this.#stopListening = [parts.registry.onChange((map) => this.#sendAll(map))];
  }

  /**
   * The state that a worker begins with; from now on the worker is sent all changes. Not to be called before `calls`.
   */
  begin(worker: Worker): ClusterBegin {
    const { registry, liveness } = this.#parts;
    if (this.#cluster === null) throw new Error("A worker began before there was a cluster that it could follow.");
    const { reports, standing } = this.#cluster;
    this.#sent.set(worker, Promise.resolve());
    return { map: clusterMapToText(registry.map), seen: liveness.signs(), reports: reports.rows(), standing };
  }

  gone(worker: Worker): void {
    this.#sent.delete(worker);
  }

  /** A storage node gave a sign of life. */
  seen(name: string): void {
    for (const worker of this.#sent.keys()) worker.tell("seen", name);
  }

  /** To be called when the gateway's standing may have changed, or the leader has answered with these signs of life. */
  standing(standing: ClusterStanding, signs: readonly SignOfLife[]): void {
    for (const worker of this.#sent.keys()) worker.tell("standing", { standing, signs });
  }

  /** Answers the workers' calls; from now on workers are sent the storage nodes' problems. To be called once. */
  calls(cluster: PrimaryCluster): LeaderCalls {
    const { reports } = cluster;
    this.#cluster = cluster;
    // Only what changed: thousands of storage nodes may register in the same second, each with a report of its own.
    const sendReport = (name: string): void => {
      for (const worker of this.#sent.keys()) worker.tell("report", [name, reports.of(name)]);
    };
    this.#stopListening.push(reports.onChange(sendReport));
    const known = async (): Promise<void> => void (await Promise.all(this.#sent.values()));
    return { ...answersOf(cluster, known), refused: (node) => this.evidence.refused(node) };
  }

  close(): void {
    for (const stop of this.#stopListening) stop();
  }

  #sendAll(map: ClusterMap): void {
    const text = clusterMapToText(map);
    for (const worker of this.#sent.keys()) this.#sent.set(worker, this.#send(worker, text));
  }

  async #send(worker: Worker, text: string): Promise<void> {
    try {
      await worker.ask("map", text, mapToldTimeoutMs);
    } catch (error) {
      // A worker that is gone has no client that could see an old map.
      if (error instanceof NoAnswer && !this.#sent.has(worker)) return;
      this.#parts.log.warn(
        { err: error, mapVersion: this.#parts.registry.map.version },
        "A worker did not adopt a new cluster map in time. Until it does, its clients may see the old one.",
      );
    }
  }
}
