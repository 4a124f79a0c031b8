/** The services that GraphQL and REST share. cli/ creates them once and passes them down; nothing here is global. */
import type { GatewayBounds } from "../core/bounds.js";
import type { Clock } from "../core/clock.js";
import type { Log } from "../core/log.js";
import type { Tracer } from "../core/tracing.js";
import type { Router } from "../routing/router.js";
import type { Access } from "./access/access.js";
import type { ClusterView } from "./cluster/cluster-view.js";
import type { ClusterCommands } from "./cluster/cluster-commands.js";
import type { GatewayStatus } from "./cluster/peers/gateway-status.js";
import type { PeerAnswers } from "./cluster/peers/peer-answers.js";
import type { Metrics } from "./metrics/gateway-metrics.js";

/** The cluster as requests use it, in the process that leads it or in one that follows. */
export interface MembershipService
  extends
    Pick<ClusterView, keyof ClusterView>,
    Pick<ClusterCommands, "register" | "heartbeat" | "remove" | "assign" | "acceptLoss" | "drain"> {
  /** The functions for other gateways of the cluster. */
  readonly peers: PeerAnswers;
  /** The gateways that this one knows of, the leader first. */
  gateways(): Promise<readonly GatewayStatus[]>;
}

export interface GatewayServices {
  readonly router: Router;
  readonly membership: MembershipService;
  /** Finds callers. gateway/guard/request-services.ts restricts these services to each caller. */
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The metrics of all processes of the gateway, in the Prometheus text format; absent when there is only this one. */
  readonly metricsOfAll?: () => Promise<string>;
  /** The bounds that clients meet and operators may change. */
  readonly bounds: GatewayBounds;
  /** Absent: requests are not traced. */
  readonly tracer?: Tracer;
  /** Total time that one client request may take. */
  readonly requestTimeoutMs: number;
}
