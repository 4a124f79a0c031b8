/**
 * A gateway's connection to its cluster: which gateway leads, and whether this one reaches the leader and the registry.
 */
import type { LeaderRecord } from "../../registry/cluster-map.js";
import type { Liveness } from "../../registry/liveness.js";
import type { Registry } from "../../registry/registry.js";

export interface ClusterStanding {
  readonly isLeading: boolean;
  /** The gateway that leads and answers, which may be this one; null: none. */
  readonly leader: LeadingGateway | null;
  /** Drawn each time a gateway takes the lead; null: none leads. */
  readonly leaderId: string | null;
  /** The last call of the registry's store succeeded. */
  readonly isRegistryReachable: boolean;
}

/** Null: unknown, for example because only its own storage nodes have to reach the gateway. */
export interface LeadingGateway {
  readonly name: string | null;
  readonly url: string | null;
}

/**
 * Sets the time by which a gateway judges whether storage nodes live: by its own clock while it leads, and as of the
 * last moment in which it was in touch with the leader while it follows. Each leader judges anew, and those that follow
 * it do so with it.
 */
export class StandingJudge {
  readonly #liveness: Pick<Liveness, "beginAnew" | "freeze" | "isFrozen">;
  /** Id of the last known lead; null: none so far. */
  #leaderId: string | null = null;

  constructor(liveness: Pick<Liveness, "beginAnew" | "freeze" | "isFrozen">) {
    this.#liveness = liveness;
  }

  /** To be called whenever the standing may have changed, and with each answer of the leader. */
  take({ isLeading, leaderId }: ClusterStanding): void {
    const liveness = this.#liveness;
    const isOtherLead = leaderId !== null && this.#leaderId !== null && leaderId !== this.#leaderId;
    if (isOtherLead || (isLeading && liveness.isFrozen)) liveness.beginAnew();
    if (!isLeading && (leaderId !== null || !liveness.isFrozen)) liveness.freeze();
    this.#leaderId = leaderId ?? this.#leaderId;
  }
}

/** The one that leads. */
export function standingOfLeader({ map, isReachable }: Pick<Registry, "map" | "isReachable">): ClusterStanding {
  return { isLeading: true, ...leadOf(map.leader), isRegistryReachable: isReachable };
}

/** Who leads, as the cluster map names it; null: none, or it does not answer. */
export function leadOf(leader: LeaderRecord | null): Pick<ClusterStanding, "leader" | "leaderId"> {
  if (leader === null) return { leader: null, leaderId: null };
  const { id: leaderId, name, url } = leader;
  return { leader: { name, url }, leaderId };
}
