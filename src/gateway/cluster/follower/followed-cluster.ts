/**
 * What a process that does not change the cluster map knows of the cluster: the newest map, when storage nodes were
 * last seen, and their problems. When the leader falls silent, requests for keys use the last map, and after a while
 * storage nodes look silent too.
 */
import { silentAfterMs } from "../../../core/limits.js";
import { clusterMapFromText } from "../../../registry/text/cluster-map-text.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import { StandingJudge, type ClusterStanding } from "../cluster-standing.js";
import {
  isEmptyReport,
  noReport,
  type NodeReport,
  type NodeReportRow,
  type NodeReportRows,
  type NodeReports,
} from "../node-reports.js";

/** What a follower begins with. */
export interface ClusterBegin {
  readonly map: string;
  readonly seen: readonly SignOfLife[];
  readonly reports: NodeReportRows;
  readonly standing: ClusterStanding;
}

/** The updates that a follower then receives. */
export type ClusterNews = {
  /** A newer cluster map, as the registry stores it. */
  readonly map: (text: string) => void;
  /** A storage node gave a sign of life just now. */
  readonly seen: (name: string) => void;
  /** The gateway's standing; with each answer of another gateway that leads, the signs of life that it has received. */
  readonly standing: (news: { readonly standing: ClusterStanding; readonly signs: readonly SignOfLife[] }) => void;
  /** The problem or the outdated data of a storage node has changed. */
  readonly report: (row: NodeReportRow) => void;
  /** Asks when storage nodes last served a request of this process: NodeEvidence.silences. */
  readonly silences: (nodes: readonly string[]) => Promise<readonly (number | null)[]>;
};

/** The listener to pass updates on to; null: none. */
export interface ClusterListener {
  mapChanged(before: ClusterMap): void;
  seen(name: string): void;
  silences(nodes: readonly string[]): Promise<readonly (number | null)[]>;
}

type JudgedLiveness = Pick<Liveness, "seen" | "freeze" | "beginAnew" | "isFrozen">;

export class FollowedCluster {
  readonly #liveness: JudgedLiveness;
  readonly #judge: StandingJudge;
  readonly #reports = new Map<string, NodeReport>();
  #map: ClusterMap | null = null;
  #hasBegun = false;
  #listener: ClusterListener | null = null;
  #standing: ClusterStanding | null = null;

  constructor(liveness: JudgedLiveness) {
    this.#liveness = liveness;
    this.#judge = new StandingJudge(liveness);
  }

  /** Takes updates, also before `begin`, so that none is missed in between. */
  get news(): ClusterNews {
    return {
      map: (text: string) => this.#adopt(clusterMapFromText(text)),
      seen: (name: string) => {
        this.#liveness.seen(name);
        this.#listener?.seen(name);
      },
      standing: ({ standing, signs }: Parameters<ClusterNews["standing"]>[0]) => {
        for (const { name, silentMs } of signs) {
          this.#liveness.seen(name, silentMs);
          if (silentMs < silentAfterMs) this.#listener?.seen(name);
        }
        this.#adoptStanding(standing);
      },
      report: (row: NodeReportRow) => this.#takeReport(row),
      silences: async (nodes: readonly string[]) => (await this.#listener?.silences(nodes)) ?? [],
    };
  }

  /** To be called once. Updates that came before are newer, and kept. */
  begin({ map, seen, reports, standing }: ClusterBegin): void {
    for (const [name, report] of reports) if (!this.#reports.has(name)) this.#reports.set(name, report);
    for (const [name, report] of this.#reports) if (isEmptyReport(report)) this.#reports.delete(name);
    for (const { name, silentMs } of seen) this.#liveness.seen(name, silentMs);
    this.#adopt(clusterMapFromText(map));
    if (this.#standing === null) this.#adoptStanding(standing);
    this.#hasBegun = true;
  }

  /** The newest map that the leader sent. Not to be read before `begin`. */
  get map(): ClusterMap {
    if (this.#map === null) throw new Error("The cluster map was asked for before there was one.");
    return this.#map;
  }

  /** Whether other storage nodes share the node's store; false before `begin`. */
  isStoreShared(name: string): boolean {
    return this.#map?.nodes.get(name)?.isStoreShared === true;
  }

  /** The gateway's standing in its cluster. Not to be read before `begin`. */
  get standing(): ClusterStanding {
    if (this.#standing === null) throw new Error("The gateway's standing was asked for before it was known.");
    return this.#standing;
  }

  /** What the leader reports about single storage nodes. */
  get reports(): Pick<NodeReports, "of" | "rows"> {
    return { of: (name) => this.#reports.get(name) ?? noReport, rows: () => [...this.#reports] };
  }

  /** From now on `listener` receives every update. It replaces an earlier listener. */
  listen(listener: ClusterListener | null): void {
    this.#listener = listener;
  }

  #takeReport([name, report]: NodeReportRow): void {
    // Before `begin`, whose reports may be older, an empty one is kept, too.
    if (this.#hasBegun && isEmptyReport(report)) this.#reports.delete(name);
    else this.#reports.set(name, report);
  }

  #adoptStanding(standing: ClusterStanding): void {
    this.#judge.take(standing);
    this.#standing = standing;
  }

  #adopt(map: ClusterMap): void {
    const before = this.#map;
    if (before !== null && map.version <= before.version) return;
    this.#map = map;
    if (before !== null) this.#listener?.mapChanged(before);
  }
}
