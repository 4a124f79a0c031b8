/** How a gateway stands to the rest of its cluster: who leads, and whether it reaches the leader and the registry. */
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { Liveness } from "../../registry/liveness.js";
import type { Registry } from "../../registry/registry.js";

export interface ClusterStanding {
  readonly isLeading: boolean;
  /** The gateway that leads and answers, which may be this one; null: none. */
  readonly leader: LeadingGateway | null;
  /** The last call of the registry's store succeeded. */
  readonly isRegistryReachable: boolean;
}

/** Null: unknown, as of a gateway that only its own storage nodes have to reach. */
export interface LeadingGateway {
  readonly name: string | null;
  readonly url: string | null;
}

/**
 * Has `liveness` judge as the gateway may that stands like this: one that leads by its own clock, from the moment on in which it
 * took the lead; one that follows as of the last moment in which it was in touch with the leader. `before`: null at first.
 */
export function judgeAs(
  standing: ClusterStanding,
  before: ClusterStanding | null,
  liveness: Pick<Liveness, "beginAnew" | "freeze" | "isFrozen">,
): void {
  if (standing.isLeading) {
    if (before?.isLeading === false) liveness.beginAnew();
  } else if (standing.leader !== null || !liveness.isFrozen) {
    liveness.freeze();
  }
}

/** The one that leads. */
export function standingOfLeader({ map, isReachable }: Pick<Registry, "map" | "isReachable">): ClusterStanding {
  return { isLeading: true, leader: leaderNamedBy(map), isRegistryReachable: isReachable };
}

/** The gateway that the map names as its leader. */
export function leaderNamedBy({ leader }: ClusterMap): LeadingGateway | null {
  return leader === null ? null : { name: leader.name, url: leader.url };
}
