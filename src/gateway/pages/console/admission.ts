/**
 * Who may watch the cluster: callers who may read cluster data get a stream of events. It ends when they lose that
 * permission because their token expired or was revoked.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ShardgateError } from "../../../core/error.js";
import { requestIdHeader } from "../../../wire/paths.js";
import { known } from "../../access/access.js";
import { requestServices } from "../../guard/request-services.js";
import { endWithProblem } from "../../problem-answer.js";
import type { GatewayServices } from "../../services.js";

/** Interval for rechecking console permissions. */
export const consoleRecheckMs = 10_000;

/** Calls `watch` for a caller who may read cluster data, and answers all others with the problem. Never rejects. */
export async function admit(
  services: GatewayServices,
  request: IncomingMessage,
  response: ServerResponse,
  watch: () => void,
): Promise<void> {
  const refusal = await refusalOf(services, request);
  if (refusal !== null) return endWithProblem(response, refusal);
  watch();
  if (!services.access.isOpen) endWhenRefused(services, request, response);
}

function endWhenRefused(services: GatewayServices, request: IncomingMessage, response: ServerResponse): void {
  let cancel = (): void => {};
  const lookLater = (): void => {
    cancel = services.clock.after(consoleRecheckMs, async () => {
      if ((await refusalOf(services, request)) !== null) response.end();
      else if (!response.closed) lookLater();
    });
  };
  response.once("close", () => cancel());
  lookLater();
}

async function refusalOf(services: GatewayServices, request: IncomingMessage): Promise<ShardgateError | null> {
  try {
    const caller = known(await services.access.callerOf(request), request);
    requestServices(services, caller, String(request.headers[requestIdHeader])).membership.requireView();
    return null;
  } catch (error) {
    if (error instanceof ShardgateError) return error;
    services.log.error({ err: error }, "Could not re-authenticate console viewers.");
    return new ShardgateError(
      "INTERNAL_SERVER_ERROR",
      "The gateway failed to process the request; its log has the cause.",
    );
  }
}
