/**
 * Refuses requests that a gateway meant for another storage node. An address does not identify the node that listens
 * there: the port or the container's address may have been reassigned to another node, or to one that was started
 * without a gateway.
 */
import type { FastifyInstance } from "fastify";
import { nameCharactersMax } from "../../core/limits.js";
import { ShardgateError } from "../../core/error.js";
import { clusterHeader, healthPath, metricsPath, targetNodeHeader } from "../../wire/paths.js";

/**
 * Answers NODE_CONFLICT to requests that name another storage node, and CLUSTER_MISMATCH to those that name a cluster
 * when this node has no gateway, before anything is executed. Health and metrics are always answered: health names the
 * node.
 */
export function refuseForeignRequests(
  app: FastifyInstance,
  { name, hasGateway }: { readonly name: string; readonly hasGateway: boolean },
): void {
  // Refuses only after the body has arrived: a gateway that is still sending might not read an earlier refusal.
  app.addHook("preHandler", async ({ headers, routeOptions }) => {
    if (routeOptions.url === healthPath || routeOptions.url === metricsPath) return;
    const target = headers[targetNodeHeader]?.toString() ?? name;
    if (target !== name) {
      const message = `This storage node is ${name}, not ${target.slice(0, nameCharactersMax)}.`;
      throw new ShardgateError("NODE_CONFLICT", message, { node: name });
    }
    if (hasGateway || headers[clusterHeader] === undefined) return;
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      "This storage node was started without --gateway and serves no cluster.",
    );
  });
}
