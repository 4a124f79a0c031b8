/**
 * Converts anything thrown in a REST route to a problem with a code of the closed list; unexpected errors are logged
 * and masked.
 */
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { problemOf } from "../../wire/problem.js";
import { problemHeaders } from "../problem-answer.js";
import type { GatewayServices } from "../services.js";
import { dataPrefix } from "./key-path.js";

/** Answers the request with the problem for `thrown`. */
export function replyWithError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, metrics }: Pick<GatewayServices, "log" | "metrics">,
): FastifyReply {
  const error = errorOf(thrown);
  metrics.errorTold(error.code);
  const { httpStatus } = error.rule;
  if (httpStatus >= 500) {
    const facts = {
      err: thrown,
      code: error.code,
      requestId: request.id,
      method: request.method,
      url: request.originalUrl,
    };
    // A client that disconnected has abandoned its request; its answer is not read.
    if (request.raw.destroyed) log.debug(facts, "A client abandoned its request.");
    else if (error.code === "INTERNAL_SERVER_ERROR")
      log.error(facts, "A request failed unexpectedly; this is a bug, please report `err`.");
    else log.warn({ ...facts, advice: error.rule.advice }, "A request failed; `advice` says what to do.");
  }
  // The id helps to find the log line when a fault is reported.
  const told = problemOf(error, isWrite(request));
  const problem = httpStatus >= 500 ? { ...told, requestId: request.id } : told;
  // Fastify would close the connection after a refused body, and the client might never read why.
  reply.removeHeader("connection");
  return reply.code(httpStatus).headers(problemHeaders(error)).send(problem);
}

function isWrite({ method, routeOptions }: FastifyRequest): boolean {
  return (method === "PUT" || method === "DELETE") && routeOptions.url?.startsWith(dataPrefix) === true;
}

/** The error of the closed list for `thrown`. */
export function errorOf(thrown: unknown): ShardgateError {
  if (thrown instanceof ShardgateError) return thrown;
  if (isFastifyError(thrown)) {
    if (thrown.validation !== undefined) return validationError(thrown.validation, thrown.validationContext);
    if (thrown.statusCode === 415) {
      const message = "This route does not accept the body's media type.";
      return new ShardgateError("UNSUPPORTED_MEDIA_TYPE", message, {}, thrown);
    }
    if (thrown.statusCode === 400) return new ShardgateError("BAD_REQUEST", thrown.message, {}, thrown);
  }
  const masked = "The gateway failed to process the request; its log has the cause.";
  return new ShardgateError("INTERNAL_SERVER_ERROR", masked, {}, thrown);
}

/** Fastify's own errors; validation errors of ajv are among them, with a code of fastify's. */
function isFastifyError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && "code" in thrown && String(thrown.code).startsWith("FST_ERR_");
}

/** Names the field and the part of the request that violate the route's schema. */
function validationError([problem]: readonly FastifySchemaValidationError[], part = "request"): ShardgateError {
  const where = part === "querystring" ? "query" : part;
  const { instancePath = "", params = {}, message = "is not valid for this route" } = problem ?? {};
  const missing = params["missingProperty"];
  const field = [...instancePath.split("/"), ...(typeof missing === "string" ? [missing] : [])]
    .filter(Boolean)
    .join("/");
  const subject = field === "" ? `The ${where}` : `Field \`${field}\` of the ${where}`;
  return new ShardgateError("BAD_REQUEST", `${subject} ${missing === undefined ? message : "is missing"}.`);
}
