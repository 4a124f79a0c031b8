/** The parts of a member's two roles, created anew whenever the gateway takes the role. */
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { Liveness, SignOfLife } from "../../../registry/liveness.js";
import type { Registry } from "../../../registry/registry.js";
import type { ClusterStanding } from "../cluster-standing.js";
import { ClusterLeader, type ClusterLeaderParts } from "../leader/cluster-leader.js";
import type { LedRegistry } from "../leader/led-registry.js";
import { NodeCalls } from "../node-calls.js";
import type { NodeEvidence } from "../node-evidence.js";
import type { NodeReports } from "../node-reports.js";
import type { LeaderTransport } from "../peers/leader-transport.js";
import { FollowedLeader, type OwnAddress } from "./followed-leader.js";
import { LeadTerm } from "./lead-term.js";
import type { MemberRole } from "./member-roles.js";
import { NodeVerdicts } from "./node-verdicts.js";

export interface ClusterMemberParts extends Omit<
  ClusterLeaderParts,
  "registry" | "liveness" | "pool" | "evidence" | "reports" | "onCutOff"
> {
  readonly registry: LedRegistry & Pick<Registry, "isLeading" | "onLeadChange">;
  readonly liveness: Liveness;
  readonly pool: ClusterLeaderParts["pool"];
  readonly evidence: NodeEvidence;
  /** Null: no other gateway shares the registry. */
  readonly shared: SharedLead | null;
  /** A storage node gave a sign of life to this gateway, or through it to the leader. */
  readonly onSeen?: (name: string) => void;
  /**
   * Called with the gateway's standing each second and at each change, with the signs of life that the leader has
   * received.
   */
  readonly onStanding?: (standing: ClusterStanding, signs: readonly SignOfLife[]) => void;
}

/** How gateways of one registry agree on which of them leads, and how those that follow reach it. */
export interface SharedLead {
  /** Takes the lead when no gateway has it. When it is stopped, or steps back, it gives the lead up. */
  readonly lease: { start(): void; stop(): Promise<void>; stepBack(): Promise<void> };
  readonly transport: LeaderTransport;
  readonly self: () => OwnAddress;
}

export function leadingRole(parts: ClusterMemberParts, reports: NodeReports): MemberRole {
  const term = new LeadTerm(parts.registry);
  const { pool, onSeen, shared } = parts;
  const heard: ClusterLeaderParts["pool"] = {
    client: (name) => pool.client(name),
    probeAt: (...place) => pool.probeAt(...place),
    figures: (name) => pool.figures(name),
    prune: () => pool.prune(),
    reachable(name) {
      pool.reachable(name);
      onSeen?.(name);
    },
  };
  const onCutOff = (): void => void shared?.lease.stepBack();
  const leader = new ClusterLeader({ ...parts, pool: heard, registry: term, reports, onCutOff });
  return {
    isLeading: true,
    leader,
    start: () => leader.start(),
    end: () => term.end(),
    stop: () => leader.stop(),
  };
}

/** Not for a gateway whose registry no other one shares. */
export function followingRole(
  parts: ClusterMemberParts,
  reports: NodeReports,
  onBeat: (signs: readonly SignOfLife[]) => void,
): MemberRole {
  const { registry, pool, evidence, shared, clock, log } = parts;
  if (shared === null) throw new Error("There is no gateway to follow: no other one shares the registry.");
  const map = (): ClusterMap => registry.map;
  const verdicts = new NodeVerdicts({ map, calls: new NodeCalls(pool, log), evidence, clock });
  const followed = new FollowedLeader({ ...parts, ...shared, reports, verdicts, onBeat });
  const stopListening = evidence.onRefused((node) => followed.refused(node));
  const end = (): void => {
    stopListening();
    followed.end();
  };
  return {
    isLeading: false,
    followed,
    start: () => followed.start(),
    end,
    stop: async () => end(),
  };
}
