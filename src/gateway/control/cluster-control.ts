/**
 * The primary's side of a gateway of several workers: tells each of them every new cluster map, every sign of life and the
 * problems of storage nodes, and does what they ask for. A change is answered once all workers go by its map, so that the
 * next request to any of them sees it; one that does not answer is not waited for again.
 */
import { mapToldTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import { clusterMapToText } from "../../registry/cluster-map-text.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { Liveness } from "../../registry/liveness.js";
import type { Registry } from "../../registry/registry.js";
import { NoAnswer, type Peer } from "../../wire/peer.js";
import type { Membership } from "../cluster/membership.js";
import type { NodeReportRows } from "../cluster/node-reports.js";
import type { ControlBegin, ControlCalls, ViewCalls } from "./control-calls.js";

export interface ClusterControlParts {
  readonly registry: Pick<Registry, "map" | "refresh" | "onChange">;
  readonly liveness: Pick<Liveness, "signs">;
  readonly log: Log;
}

/** What the primary's membership does for the workers. */
type ServedMembership = Pick<
  Membership,
  "register" | "heartbeat" | "remove" | "assign" | "acceptLoss" | "history" | "reports"
>;

type Worker = Pick<Peer<ViewCalls>, "ask" | "tell">;

export class ClusterControl {
  readonly #parts: ClusterControlParts;
  /** Of each worker, when it goes by the last map that it was told; never rejects. */
  readonly #told = new Map<Worker, Promise<void>>();
  readonly #stopListening: (() => void)[];
  /** Of the membership, once it is there. */
  #reportRows: () => NodeReportRows = () => [];

  constructor(parts: ClusterControlParts) {
    this.#parts = parts;
    this.#stopListening = [parts.registry.onChange((map) => this.#tellAll(map))];
  }

  /** What a worker begins with; from now on it is told what changes. */
  begin(worker: Worker): ControlBegin {
    const { registry, liveness } = this.#parts;
    this.#told.set(worker, Promise.resolve());
    return { map: clusterMapToText(registry.map), seen: liveness.signs(), reports: this.#reportRows() };
  }

  gone(worker: Worker): void {
    this.#told.delete(worker);
  }

  /** A storage node gave a sign of life. */
  seen(name: string): void {
    for (const worker of this.#told.keys()) worker.tell("seen", name);
  }

  /** How the workers are answered; from now on they hear of the storage nodes' problems. To be called once. */
  calls(membership: ServedMembership): ControlCalls {
    const { reports } = membership;
    this.#reportRows = () => reports.rows();
    // Only what changed: thousands of storage nodes may register in the same second, each with a report of its own.
    const tellReport = (name: string): void => {
      for (const worker of this.#told.keys()) worker.tell("report", [name, reports.of(name)]);
    };
    this.#stopListening.push(reports.onChange(tellReport));
    const known = async <Result>(change: Promise<Result>): Promise<Result> => {
      const result = await change;
      await this.#everybodyKnows();
      return result;
    };
    return {
      register: (registration) => known(membership.register(registration)),
      heartbeat: ({ name, heartbeat }) => membership.heartbeat(name, heartbeat),
      remove: ({ name, isForced }) => known(membership.remove(name, isForced)),
      assign: (request) => known(membership.assign(request)),
      acceptLoss: (name) => known(membership.acceptLoss(name)),
      histories: (shards) => Promise.all(shards.map((shard) => membership.history(shard))),
      refresh: async () => void (await known(this.#parts.registry.refresh())),
    };
  }

  close(): void {
    for (const stop of this.#stopListening) stop();
  }

  async #everybodyKnows(): Promise<void> {
    await Promise.all(this.#told.values());
  }

  #tellAll(map: ClusterMap): void {
    const text = clusterMapToText(map);
    for (const worker of this.#told.keys()) this.#told.set(worker, this.#tell(worker, text));
  }

  async #tell(worker: Worker, text: string): Promise<void> {
    try {
      await worker.ask("map", text, mapToldTimeoutMs);
    } catch (error) {
      // A worker that is gone has nobody who could see an old map.
      if (error instanceof NoAnswer && !this.#told.has(worker)) return;
      this.#parts.log.warn(
        { err: error, mapVersion: this.#parts.registry.map.version },
        "A worker did not take up a new cluster map in time; until it does, its clients may see the old one.",
      );
    }
  }
}
