/** Puts on every request of the REST facade who sends it, and the services as that caller may use them. */
import type { FastifyInstance } from "fastify";
import { known } from "../access/access.js";
import { nobody, type Caller } from "../access/caller.js";
import { requestServices, type RequestServices } from "../guard/request-services.js";
import type { OpenRequests } from "../edge/open-requests.js";
import type { GatewayServices } from "../services.js";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
    /** What routes work with; the real services are not theirs. */
    services: RequestServices;
  }
  interface FastifyContextConfig {
    /** Answers whoever asks. */
    readonly isOpen?: boolean;
    /** Longest body; `adminBodyBytesMax` when absent. */
    readonly bodyBytesMax?: number;
  }
}

/** For routes that answer whoever asks; a caller who says who they are may see more. */
export const openRoute = { isOpen: true };

/** Before anything else is looked at: whoever is not known learns not even which routes there are. */
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
