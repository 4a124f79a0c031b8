/**
 * Refuses what a gateway means for another storage node. An address says nothing of who listens there: a port or a
 * container's address may have been given to another node since, or to one that was started without its gateway.
 */
import type { FastifyInstance } from "fastify";
import { nameCharactersMax } from "../../core/limits.js";
import { ShardgateError } from "../../core/error.js";
import { clusterHeader, healthPath, metricsPath, targetNodeHeader } from "../../wire/paths.js";

/**
 * Answers NODE_CONFLICT to requests that name another storage node, and CLUSTER_MISMATCH to those of a cluster when there
 * is no gateway, before anything of them is run. Whoever watches is answered: health says who this is.
 */
export function refuseForeignRequests(
  app: FastifyInstance,
  { name, hasGateway }: { readonly name: string; readonly hasGateway: boolean },
): void {
  // Once the body is there: a refusal before its end might not reach a gateway that is still sending.
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
