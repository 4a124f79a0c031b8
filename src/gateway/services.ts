/** What both faces of the gateway, GraphQL and REST, work with. Made once by cli/ and handed down; nothing here is global. */
import type { GatewayBounds } from "../core/bounds.js";
import type { Clock } from "../core/clock.js";
import type { Log } from "../core/log.js";
import type { Tracer } from "../core/tracing.js";
import type { Router } from "../routing/router.js";
import type { Access } from "./access/access.js";
import type { Membership } from "./membership.js";
import type { Metrics } from "./metrics.js";

export interface GatewayServices {
  readonly router: Router;
  readonly membership: Membership;
  /** Who asks; requests are served by what access/request-services.ts makes of these services for their caller. */
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What an operator may set of the bounds that clients meet. */
  readonly bounds: GatewayBounds;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** How long one client request may take in all. */
  readonly requestTimeoutMs: number;
}
