/**
 * A follower's view of the gateway that leads. Each second the follower sends it a beat; the answer has the signs of
 * life and the problems of all storage nodes. The follower's own cluster map names the leader. A leader that does not
 * answer gets only beats until it does.
 */
import type { Clock } from "../../../core/clock.js";
import { heartbeatIntervalMs, silentAfterMs } from "../../../core/limits.js";
import type { Log } from "../../../core/log.js";
import { RepeatingTask } from "../../../core/tasks/repeating-task.js";
import { SharedRun } from "../../../core/tasks/shared-run.js";
import type { LeaderRecord } from "../../../registry/cluster-map.js";
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import type { NodePool } from "../../../routing/node-pool.js";
import type { GatewayRow, LeaderAnswer } from "../../../wire/gateway-peers.js";
import type { ClusterCommands } from "../cluster-commands.js";
import { refusedReportMs } from "../node-evidence.js";
import type { NodeReports } from "../node-reports.js";
import { gatewayStatuses, type GatewayStatus } from "../peers/gateway-status.js";
import type { GatewayAddress, LeaderTransport } from "../peers/leader-transport.js";
import type { NodeVerdicts } from "./node-verdicts.js";

/** How this gateway identifies itself. */
export interface OwnAddress {
  /** Null: it has none, because no other gateway calls it. */
  readonly name: string | null;
  readonly url: string | null;
}

export interface FollowedLeaderParts {
  readonly registry: Pick<Registry, "map" | "refresh" | "onChange">;
  readonly transport: LeaderTransport;
  readonly self: () => OwnAddress;
  readonly liveness: Pick<Liveness, "seen">;
  readonly reports: Pick<NodeReports, "replace">;
  readonly pool: Pick<NodePool, "reachable">;
  readonly verdicts: Pick<NodeVerdicts, "look" | "take" | "stop">;
  /** A beat was answered, with these signs of life, or was not. */
  readonly onBeat: (signs: readonly SignOfLife[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class FollowedLeader {
  readonly #parts: FollowedLeaderParts;
  readonly #beats = new SharedRun(() => this.#beat());
  readonly #task: RepeatingTask;
  #stopListening: () => void = () => {};
  /** The last beat and the leader that it went to; null: none was sent yet. */
  #last: { readonly leaderId: string; readonly isAnswered: boolean } | null = null;
  /** The leader's last answer, and its time in milliseconds since 1970. */
  #gateways: { readonly rows: readonly GatewayRow[]; readonly atMs: number } | null = null;
  /** Beats in a row that found the leader at this gateway's own URL. */
  #ownUrlBeats = 0;
  #isOver = false;
  /** When a beat was last sent early, because a storage node refused a connection. */
  #hurriedMs = -Infinity;

  constructor(parts: FollowedLeaderParts) {
    const { clock, log } = parts;
    this.#parts = parts;
    this.#task = new RepeatingTask({ clock, log, pauseMs: heartbeatIntervalMs, work: () => this.#beats.next() });
  }

  /** The leader, if it answered the last beat. */
  get leader(): LeaderRecord | null {
    const named = this.#named;
    return named !== null && this.#last?.isAnswered === true && this.#last.leaderId === named.id ? named : null;
  }

  /** Those of the leader; null when the map names none, or it did not answer the last beat. */
  get commands(): ClusterCommands | null {
    const address = addressOf(this.#named);
    const isSilent = this.#last?.isAnswered === false && this.#last.leaderId === this.#named?.id;
    return address === null || isSilent ? null : this.#parts.transport.commands(address);
  }

  /** As the leader knows them; without a leader, as the last one did. */
  gateways(): readonly GatewayStatus[] {
    const { self, registry, clock } = this.#parts;
    if (this.#gateways === null) {
      const { version: mapVersion } = registry.map;
      return [{ ...self(), isLeader: false, mapVersion, lastSeenAtMs: clock.nowMs() }];
    }
    const hasLeader = this.leader !== null;
    const { rows, atMs } = this.#gateways;
    return gatewayStatuses(rows, atMs).map((status) => ({ ...status, isLeader: status.isLeader && hasLeader }));
  }

  start(): void {
    let { leader } = this.#parts.registry.map;
    this.#task.start();
    // A leader that the map names only now is asked at once.
    this.#stopListening = this.#parts.registry.onChange((map) => {
      const isOther = map.leader?.id !== leader?.id;
      leader = map.leader;
      if (isOther && !this.#isOver) void this.#beats.next();
    });
  }

  /** Resolves when a beat that begins no earlier than now was answered, or was not. */
  async beatNow(): Promise<void> {
    if (!this.#isOver) await this.#beats.next();
  }

  /**
   * The storage node has refused a connection of this gateway. Of a node whose shards others may take over, the leader hears
   * at once; of all, with the next beat.
   */
  refused(node: string): void {
    const { registry, clock } = this.#parts;
    if (registry.map.nodes.get(node)?.isStoreShared !== true) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#hurriedMs < refusedReportMs) return;
    this.#hurriedMs = nowMs;
    void this.beatNow();
  }

  /** Nothing is sent any more; an answer that is still on its way changes nothing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopListening();
    this.#parts.verdicts.stop();
    void this.#task.stop();
  }

  /** Null also when the map names this gateway, which has lost the lead since. */
  get #named(): LeaderRecord | null {
    const { registry, self } = this.#parts;
    const { leader } = registry.map;
    return leader === null || leader.url === self().url ? null : leader;
  }

  /** Never rejects. */
  async #beat(): Promise<void> {
    const { transport, self, registry, verdicts, onBeat, log } = this.#parts;
    const leader = this.#named;
    const address = addressOf(leader);
    if (this.#isOver) return;
    if (leader === null || address === null) {
      onBeat([]);
      return this.#checkOwnUrl();
    }
    this.#ownUrlBeats = 0;
    const { name, url } = self();
    try {
      const { seen, refused } = await verdicts.take();
      const { version: mapVersion } = registry.map;
      const beat = { url, mapVersion, leaderId: leader.id, seen, refused };
      const answer = await transport.beat(address, name ?? unnamed, beat);
      if (this.#isOver || answer.leaderId !== this.#named?.id) return;
      if (this.#last?.isAnswered === false) log.info({ leader: address }, "The gateway that leads answers again.");
      this.#last = { leaderId: leader.id, isAnswered: true };
      this.#take(answer);
    } catch (error) {
      if (this.#isOver) return;
      const isNews = this.#last?.leaderId !== leader.id || this.#last.isAnswered;
      this.#last = { leaderId: leader.id, isAnswered: false };
      if (isNews) log.warn({ err: error, leader: address }, noAnswer);
      onBeat([]);
      // This leader may have lost the lead.
      await registry.refresh().catch(() => undefined);
    }
  }

  /**
   * That the map names this gateway's own URL is no news for a while: it may have led under it, or the one that it replaces.
   * After that another gateway goes on leading there.
   */
  async #checkOwnUrl(): Promise<void> {
    const { registry, self, log } = this.#parts;
    const before = registry.map.leader;
    const isRead = before !== null && (await registry.refresh().then(Boolean, () => false));
    const { leader } = registry.map;
    const isOwn = isRead && leader?.id === before.id && leader.url !== null && leader.url === self().url;
    this.#ownUrlBeats = isOwn ? this.#ownUrlBeats + 1 : 0;
    if (this.#ownUrlBeats === ownUrlBeatsMax && !this.#isOver)
      log.error({ leader: before?.name, self: self() }, sameUrl);
  }

  #take({ signs, reports, gateways, mapVersion, doubted }: LeaderAnswer): void {
    const { registry, liveness, pool, clock } = this.#parts;
    this.#gateways = { rows: gateways, atMs: clock.nowMs() };
    const { nodes } = registry.map;
    const known = signs.filter(([name]) => nodes.has(name)).map(([name, silentMs]) => ({ name, silentMs }));
    for (const { name, silentMs } of known) {
      liveness.seen(name, silentMs);
      if (silentMs < silentAfterMs) pool.reachable(name);
    }
    this.#parts.reports.replace(reports);
    this.#parts.verdicts.look(doubted.filter((name) => nodes.has(name)));
    // The watch of the store may be slow, or silent.
    if (mapVersion > registry.map.version) void registry.refresh().catch(() => undefined);
    this.#parts.onBeat(known);
  }
}

const unnamed = "gateway";

/** A leader that is gone is replaced long before that. */
const ownUrlBeatsMax = 10;

const sameUrl =
  "Another gateway leads the cluster and says that it is reached at this gateway's own URL. This gateway cannot follow it, and passes " +
  "no changes on to it. Start each gateway with an `--advertise` of its own.";

const noAnswer =
  "The gateway that leads does not answer. Requests for keys go on by the last known cluster map; changes of the cluster wait " +
  "until a gateway leads.";

/** Null for a leader without a URL. */
function addressOf(leader: LeaderRecord | null): GatewayAddress | null {
  if (leader === null || leader.url === null) return null;
  return { name: leader.name, url: leader.url };
}
