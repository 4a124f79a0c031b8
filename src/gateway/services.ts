/** What both faces of the gateway, GraphQL and REST, work with. Made once by cli/ and handed down; nothing here is global. */
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
    Pick<ClusterCommands, "register" | "heartbeat" | "remove" | "assign" | "acceptLoss"> {
  /** What other gateways of the cluster ask of this one. */
  readonly peers: PeerAnswers;
  /** The gateways of the cluster, the leader first, as far as this one knows them. */
  gateways(): Promise<readonly GatewayStatus[]>;
}

export interface GatewayServices {
  readonly router: Router;
  readonly membership: MembershipService;
  /** Who asks; requests are served by what gateway/guard/request-services.ts makes of these services for their caller. */
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The metrics of all processes of the gateway, in the Prometheus text format; absent: this one is alone. */
  readonly metricsOfAll?: () => Promise<string>;
  /** What an operator may set of the bounds that clients meet. */
  readonly bounds: GatewayBounds;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** How long one client request may take in all. */
  readonly requestTimeoutMs: number;
}
