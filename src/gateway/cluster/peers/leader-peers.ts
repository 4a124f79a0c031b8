/**
 * The leader's side of the beats that gateways exchange each second: it takes the signs of life that a follower
 * received from storage nodes, and answers with those of all gateways.
 */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import { silentAfterMs } from "../../../core/limits.js";
import type { Liveness } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import type { NodePool } from "../../../routing/node-pool.js";
import type { GatewayBeat, GatewayRow, LeaderAnswer } from "../../../wire/gateway-peers.js";
import type { NodeReports } from "../node-reports.js";
import { gatewayStatuses, type GatewayStatus } from "./gateway-status.js";
import { PeerDirectory } from "./peer-directory.js";

/** Silence after which a gateway is not waited for: three beats lost. */
const gatewayLiveMs = 3_000;

export interface LeaderPeersParts {
  /** The registry whose map names the gateway that leads. */
  readonly registry: Pick<Registry, "map" | "heardOfVersion">;
  readonly liveness: Pick<Liveness, "seen" | "signs" | "state" | "downAfterMs">;
  readonly reports: Pick<NodeReports, "rows">;
  readonly pool: Pick<NodePool, "reachable">;
  /** Asks the storage node, which has refused a connection of another gateway, at once whether it lives. */
  readonly refused: (node: string) => void;
  /** Neither a gateway nor a storage node is heard of any more: this gateway is cut off from them, or all of them are gone. */
  readonly onCutOff?: () => void;
  readonly clock: Clock;
}

export class LeaderPeers {
  readonly #parts: LeaderPeersParts;
  readonly #directory: PeerDirectory;

  constructor(parts: LeaderPeersParts) {
    this.#parts = parts;
    this.#directory = new PeerDirectory({
      liveMs: gatewayLiveMs,
      downAfterMs: (node) => parts.liveness.downAfterMs(node),
    });
  }

  /** Throws REGISTRY_CONFLICT when the gateway follows another leader, and OVERLOADED when there are too many gateways. */
  beatFrom(name: string, beat: GatewayBeat): LeaderAnswer {
    const { registry, liveness, reports, refused, clock } = this.#parts;
    const { nodes, version } = registry.map;
    const leaderId = this.#requireLeader(beat);
    this.#directory.beat(name, beat, clock.monotonicMs());
    void registry.heardOfVersion(beat.mapVersion);
    for (const [node, silentMs] of beat.seen) if (silentMs !== null && nodes.has(node)) this.#seen(node, silentMs);
    for (const node of new Set(beat.refused)) if (nodes.has(node)) refused(node);
    return {
      leaderId,
      mapVersion: version,
      gateways: this.#rows(),
      signs: liveness.signs().map(({ name: node, silentMs }) => [node, Math.round(silentMs)] as const),
      reports: reports.rows(),
      doubted: this.#directory.doubted,
    };
  }

  gateways(): readonly GatewayStatus[] {
    return gatewayStatuses(this.#rows(), this.#parts.clock.nowMs());
  }

  /** Exactly these storage nodes are silent: the other gateways are asked whether they have seen them. */
  doubt(nodes: readonly string[]): void {
    const { registry, liveness, onCutOff, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#directory.doubt(nodes, nowMs);
    const isSilent = nodes.length > 0 && nodes.length === registry.map.nodes.size;
    if (!isSilent || !this.#directory.hasLostAll(nowMs)) return;
    if (nodes.every((node) => liveness.state(node) === "DOWN")) onCutOff?.();
  }

  /** Whether no other live gateway objects. */
  mayCallDown(node: string): boolean {
    return this.#directory.mayCallDown(node, this.#parts.clock.monotonicMs());
  }

  #seen(node: string, silentMs: number): void {
    this.#parts.liveness.seen(node, silentMs);
    if (silentMs < silentAfterMs) this.#parts.pool.reachable(node);
  }

  #requireLeader({ leaderId }: GatewayBeat): string {
    const { leader } = this.#parts.registry.map;
    if (leader !== null && leader.id === leaderId) return leader.id;
    throw new ShardgateError(
      "REGISTRY_CONFLICT",
      "The gateway follows another leader than this one. It has to read the registry again.",
    );
  }

  #rows(): readonly GatewayRow[] {
    const { version, leader } = this.#parts.registry.map;
    const own = {
      name: leader?.name ?? null,
      url: leader?.url ?? null,
      isLeader: true,
      mapVersion: version,
      silentMs: 0,
    };
    return [own, ...this.#directory.rows(this.#parts.clock.monotonicMs())];
  }
}
