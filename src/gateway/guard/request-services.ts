/**
 * The services of the gateway as one request may use them: what both faces, GraphQL and REST, are given instead of the
 * real ones. So whatever a resolver or route does, in whatever alias or fragment, it can do no more than its caller may.
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
    // Who may write everything needs no check of each key.
    router: caller.permissions.mayWriteAll ? router : new GuardedRouter(router, caller),
    membership: new GuardedMembership(membership, access, { caller, requestId }),
    metrics,
    clock,
    bounds,
    requestTimeoutMs,
  };
}
