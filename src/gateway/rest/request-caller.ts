/** Sets the caller of every REST request, and the services restricted to that caller. */
import type { FastifyInstance } from "fastify";
import { known } from "../access/access.js";
import { nobody, type Caller } from "../access/caller.js";
import { requestServices, type RequestServices } from "../guard/request-services.js";
import type { OpenRequests } from "../edge/open-requests.js";
import type { GatewayServices } from "../services.js";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
    /** The services that routes use instead of the real ones. */
    services: RequestServices;
  }
  interface FastifyContextConfig {
    /** Whether the route answers without credentials. */
    readonly isOpen?: boolean;
    /** Longest body; `adminBodyBytesMax` when absent. */
    readonly bodyBytesMax?: number;
  }
}

/** For routes that answer without credentials; a caller with credentials may see more. */
export const openRoute = { isOpen: true };

/**
 * Authenticates before anything else is checked: a client without valid credentials does not even learn which routes
 * exist.
 */
export function findCaller(app: FastifyInstance, services: GatewayServices, openRequests: OpenRequests): void {
  app.decorateRequest("caller");
  app.decorateRequest("services");
  app.addHook("onRequest", async (request) => {
    const caller = await services.access.callerOf(request.raw);
    const isOpen = request.routeOptions.config.isOpen === true;
    request.caller = isOpen ? (caller ?? nobody) : known(caller, request.raw);
    if (!services.access.isOpen) openRequests.of(request.raw).countFor(request.caller);
    request.services = requestServices(services, request.caller, request.id);
  });
}
