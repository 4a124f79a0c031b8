/** Shared by the routes: parses query parameters, bodies and numbers, and answers 405 for other methods. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { requestIdCharactersMax } from "../../core/limits.js";
import { checkedValues, checkedValuesHeader, clusterHeader, requestIdHeader } from "../../wire/paths.js";
import type { OperationCaller } from "../operation-caller.js";

/** The query parameter; undefined when absent. Throws BAD_REQUEST when it is given twice. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, string | readonly string[]>>)[name];
  if (value === undefined || typeof value === "string") return value;
  throw new ShardgateError("BAD_REQUEST", `\`${name}\` is given more than once.`);
}

/** The bytes of the request's body; empty when it has none. */
export function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/**
 * The caller as the request names it: for spans and logs, for refusing gateways of other clusters, and for deciding
 * whether values were already checked.
 */
export function callerOf({ span, headers, isOfCluster = false }: FastifyRequest): OperationCaller {
  const requestId = headers[requestIdHeader]?.toString().slice(0, requestIdCharactersMax);
  const areValuesChecked = isOfCluster && headers[checkedValuesHeader] === checkedValues;
  return { span, requestId, clusterId: headers[clusterHeader]?.toString(), areValuesChecked };
}

/** The number in `text`. Throws BAD_REQUEST unless it is a decimal from `min` to `max` without sign or leading zero. */
export function wholeNumberOf(
  text: string,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const number = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new ShardgateError(
    "BAD_REQUEST",
    `${name} ${JSON.stringify(text.slice(0, 64))} is not a whole number from ${min} to ${max}.`,
  );
}

/** Answers every method of `route` except the `allowed` ones with 405 and `Allow` (RFC 9110, 15.5.6). */
export function refuseOtherMethods(app: FastifyInstance, route: string, allowed: readonly string[]): void {
  app.route({
    method: app.supportedMethods.filter((method) => !allowed.includes(method)),
    url: route,
    handler: async (request, reply) => {
      reply.header("allow", allowed.join(", "));
      throw new ShardgateError("METHOD_NOT_ALLOWED", `${request.method} is not supported on ${route}.`);
    },
  });
}
