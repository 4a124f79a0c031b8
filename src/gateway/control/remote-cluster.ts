/**
 * The cluster in a worker of a gateway, as its primary tells it: the newest map, and when storage nodes were last heard of.
 * When the primary falls silent, requests for keys go on by the last map, and storage nodes look silent too after a while.
 */
import { ShardgateError } from "../../core/error.js";
import { clusterMapFromText } from "../../registry/cluster-map-text.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { Liveness } from "../../registry/liveness.js";
import { NoAnswer, type Calls, type Peer } from "../../wire/peer.js";
import {
  isEmptyReport,
  noReport,
  type NodeReport,
  type NodeReportRow,
  type NodeReports,
} from "../cluster/node-reports.js";
import type { ControlBegin, ControlCalls, ViewCalls } from "./control-calls.js";

export type Control = Pick<Peer<ControlCalls>, "ask">;

/** Who else has to hear of news, once there is somebody. */
export interface ClusterListener {
  mapChanged(before: ClusterMap): void;
  seen(name: string): void;
}

export class RemoteCluster {
  readonly #liveness: Pick<Liveness, "seen">;
  readonly #reports = new Map<string, NodeReport>();
  #map: ClusterMap | null = null;
  #control: Control | null = null;
  #listener: ClusterListener | null = null;

  constructor(liveness: Pick<Liveness, "seen">) {
    this.#liveness = liveness;
  }

  /** How the primary is answered; from before `begin` on, so that nothing is missed in between. */
  get calls(): ViewCalls & Calls {
    return {
      map: (text: string) => this.#adopt(clusterMapFromText(text)),
      seen: (name: string) => {
        this.#liveness.seen(name);
        this.#listener?.seen(name);
      },
      report: (row: NodeReportRow) => this.#takeReport(row),
    };
  }

  begin(control: Control, { map, seen, reports }: ControlBegin): void {
    this.#control = control;
    for (const [name, report] of reports) if (!this.#reports.has(name)) this.#reports.set(name, report);
    for (const [name, report] of this.#reports) if (isEmptyReport(report)) this.#reports.delete(name);
    for (const { name, silentMs } of seen) this.#liveness.seen(name, silentMs);
    this.#adopt(clusterMapFromText(map));
  }

  /** The newest that the primary told of. Not to be asked for before `begin`. */
  get map(): ClusterMap {
    if (this.#map === null) throw new Error("A worker asked for the cluster map before it had one.");
    return this.#map;
  }

  /** What the primary says of single storage nodes. */
  get reports(): Pick<NodeReports, "of" | "rows"> {
    return { of: (name) => this.#reports.get(name) ?? noReport, rows: () => [...this.#reports] };
  }

  /** Has the primary read the store, and resolves to the newest map. Rejects as `ask` does. */
  async refresh(): Promise<ClusterMap> {
    await this.ask("refresh", null);
    return this.map;
  }

  /** Rejects with the primary's refusal; with REGISTRY_UNAVAILABLE when it gives no answer: then it may have done it. */
  async ask<Name extends keyof ControlCalls>(
    name: Name,
    body: Parameters<ControlCalls[Name]>[0],
  ): Promise<Awaited<ReturnType<ControlCalls[Name]>>> {
    if (this.#control === null) throw new Error("A worker asked its primary before it had one.");
    try {
      return (await this.#control.ask(name, body as never)) as Awaited<ReturnType<ControlCalls[Name]>>;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const message = `The gateway's primary process gave no answer to "${name}", which may have happened.`;
      throw new ShardgateError("REGISTRY_UNAVAILABLE", message, {}, error);
    }
  }

  /** From now on `listener` hears of what is new; of one at a time. */
  listen(listener: ClusterListener | null): void {
    this.#listener = listener;
  }

  #takeReport([name, report]: NodeReportRow): void {
    // Before `begin`, whose reports may be older, an empty one is kept, too.
    if (this.#control !== null && isEmptyReport(report)) this.#reports.delete(name);
    else this.#reports.set(name, report);
  }

  #adopt(map: ClusterMap): void {
    const before = this.#map;
    if (before !== null && map.version <= before.version) return;
    this.#map = map;
    if (before !== null) this.#listener?.mapChanged(before);
  }
}
