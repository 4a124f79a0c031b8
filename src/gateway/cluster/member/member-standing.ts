/** How this gateway stands to its cluster at each moment, and who hears of it: its own liveness, and its workers. */
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import { judgeAs, standingOfLeader, type ClusterStanding } from "../cluster-standing.js";
import type { MemberRole } from "./member-roles.js";

export interface MemberStandingParts {
  readonly registry: Pick<Registry, "map" | "isReachable">;
  readonly liveness: Pick<Liveness, "beginAnew" | "freeze" | "isFrozen">;
  /** Null while this gateway has none. */
  readonly role: () => MemberRole | null;
  readonly onStanding?: (standing: ClusterStanding, signs: readonly SignOfLife[]) => void;
}

export class MemberStanding {
  readonly #parts: MemberStandingParts;
  #last: ClusterStanding | null = null;

  constructor(parts: MemberStandingParts) {
    this.#parts = parts;
  }

  get now(): ClusterStanding {
    const { registry, role } = this.#parts;
    const current = role();
    const { isReachable: isRegistryReachable } = registry;
    if (current === null) return { isLeading: false, leader: null, isRegistryReachable };
    if (!current.isLeading) return { isLeading: false, leader: current.followed.leader, isRegistryReachable };
    return standingOfLeader(registry);
  }

  /** It may be another one now, or the leader has answered, which has heard these signs of life. */
  tell(signs: readonly SignOfLife[]): void {
    const standing = this.now;
    judgeAs(standing, this.#last, this.#parts.liveness);
    this.#last = standing;
    this.#parts.onStanding?.(standing, signs);
  }
}
