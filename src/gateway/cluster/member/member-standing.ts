/** This gateway's current standing in its cluster, reported to its own liveness and its workers. */
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import { leadOf, StandingJudge, standingOfLeader, type ClusterStanding } from "../cluster-standing.js";
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
  readonly #judge: StandingJudge;

  constructor(parts: MemberStandingParts) {
    this.#parts = parts;
    this.#judge = new StandingJudge(parts.liveness);
  }

  get now(): ClusterStanding {
    const { registry, role } = this.#parts;
    const current = role();
    if (current?.isLeading === true) return standingOfLeader(registry);
    const leader = current === null ? null : current.followed.leader;
    return { isLeading: false, ...leadOf(leader), isRegistryReachable: registry.isReachable };
  }

  /** To be called when the standing may have changed, or the leader has answered with these signs of life. */
  tell(signs: readonly SignOfLife[]): void {
    const standing = this.now;
    this.#judge.take(standing);
    this.#parts.onStanding?.(standing, signs);
  }
}
