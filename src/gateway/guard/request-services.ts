/**
 * The gateway's services restricted to one caller. GraphQL and REST get these instead of the real ones, so no resolver
 * or route, in whatever alias or fragment, can do more than its caller may.
 */
import type { Router } from "../../routing/router.js";
import type { GatewayServices } from "../services.js";
import type { Caller } from "../access/caller.js";
import { GuardedMembership } from "./guarded-membership.js";
import { GuardedRouter } from "./guarded-router.js";

export interface RequestServices extends Pick<GatewayServices, "metrics" | "clock" | "bounds" | "requestTimeoutMs"> {
  readonly router: Pick<Router, "execute">;
  readonly membership: GuardedMembership;
}

export function requestServices(services: GatewayServices, caller: Caller, requestId: string): RequestServices {
  const { router, membership, access, metrics, clock, bounds, requestTimeoutMs } = services;
  return {
    // With permission to write all keys, no key needs a check.
    router: caller.permissions.mayWriteAll ? router : new GuardedRouter(router, caller),
    membership: new GuardedMembership(membership, access, { caller, requestId }),
    metrics,
    clock,
    bounds,
    requestTimeoutMs,
  };
}
