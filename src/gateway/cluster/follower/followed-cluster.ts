/**
 * What a process that does not change the cluster map knows of the cluster: the newest map, when storage nodes were last
 * heard of, and their problems. When the leader falls silent, requests for keys go on by the last map, and storage nodes
 * look silent too after a while.
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

/** What a follower hears from then on. */
export type ClusterNews = {
  /** A newer cluster map, as the registry stores it. */
  readonly map: (text: string) => void;
  /** A storage node gave a sign of life just now. */
  readonly seen: (name: string) => void;
  /** How the gateway stands to its cluster; with each answer of another gateway that leads, what that has heard. */
  readonly standing: (news: { readonly standing: ClusterStanding; readonly signs: readonly SignOfLife[] }) => void;
  /** What there is to say about a storage node has changed. */
  readonly report: (row: NodeReportRow) => void;
};

/** Who else has to hear of news, once there is somebody. */
export interface ClusterListener {
  mapChanged(before: ClusterMap): void;
  seen(name: string): void;
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

  /** Takes news; from before `begin` on, so that nothing is missed in between. */
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
    };
  }

  /** To be called once. News that came before are newer, and kept. */
  begin({ map, seen, reports, standing }: ClusterBegin): void {
    for (const [name, report] of reports) if (!this.#reports.has(name)) this.#reports.set(name, report);
    for (const [name, report] of this.#reports) if (isEmptyReport(report)) this.#reports.delete(name);
    for (const { name, silentMs } of seen) this.#liveness.seen(name, silentMs);
    this.#adopt(clusterMapFromText(map));
    if (this.#standing === null) this.#adoptStanding(standing);
    this.#hasBegun = true;
  }

  /** The newest that the leader sent. Not to be asked for before `begin`. */
  get map(): ClusterMap {
    if (this.#map === null) throw new Error("The cluster map was asked for before there was one.");
    return this.#map;
  }

  /** How the gateway stands to its cluster. Not to be asked for before `begin`. */
  get standing(): ClusterStanding {
    if (this.#standing === null) throw new Error("The gateway's standing was asked for before it was known.");
    return this.#standing;
  }

  /** What the leader says of single storage nodes. */
  get reports(): Pick<NodeReports, "of" | "rows"> {
    return { of: (name) => this.#reports.get(name) ?? noReport, rows: () => [...this.#reports] };
  }

  /** From now on `listener` hears of what is new; of one at a time. */
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
