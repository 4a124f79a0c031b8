/** One GraphQL request from its parameters to its result; shared by the two ways of answering it. */
import type { IncomingMessage } from "node:http";
import { GraphQLError, type ExecutionResult } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { errorRules, type ErrorCode } from "../../../core/error.js";
import { graphqlDocumentErrorsMax } from "../../../core/limits.js";
import type { OpenRequest } from "../../edge/open-request.js";
import { clientError } from "./client-error.js";
import type { GraphqlContext } from "../execution/context.js";
import type { Executor } from "../execution/executor.js";
import { executableParams, type PersistedDocuments } from "./persisted-documents.js";
import type { RequestLog } from "./request-log.js";
import { paramsOfBody, paramsOfQuery, readParamsBody, type SourcedParams } from "./request-params.js";
import type { Result } from "../values/result-text.js";

/**
 * Most errors in one GraphQL answer; a hundred errors of a field that fails for each item of a long list say enough.
 */
export const graphqlErrorsMax = 100;

export interface Exchange extends GraphqlContext {
  /** The executor when the request began; it may have been replaced since. */
  readonly executor: Executor;
  readonly open: OpenRequest;
  readonly incoming: IncomingMessage;
  readonly log: RequestLog;
  /** The text that the variables were parsed from. Set once the parameters are read; null when there are none. */
  variablesText: (() => string) | null;
  /** Set once they are requested, because a body can be read only once. */
  params: Promise<GraphQLParams> | null;
  /** Set once it is there: Yoga may send a result that the direct way could not. */
  result: Result | null;
}

/** The request's parameters, with the text of a persisted document in place of its id. Rejects as the functions of request-params.ts throw. */
export function paramsOf(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams> {
  return (exchange.params ??= readExchange(exchange, persisted));
}

/** Executes the request, once. `params`: in Yoga's form. */
export function resultOf(params: GraphQLParams, exchange: Exchange): Result | Promise<Result> {
  const { result, variablesText, executor, incoming } = exchange;
  if (result !== null) return result;
  const { query = "", operationName, variables } = params;
  return executor.execute(
    { query, operationName, variables, variablesText, mayWrite: incoming.method === "POST" },
    exchange,
  );
}

/**
 * The members of a result beside its data, as they are sent: the errors in the form for clients, and the receipt if
 * there is one.
 */
export function finalMembers(
  errors: readonly GraphQLError[] | undefined,
  exchange: Exchange,
): Pick<ExecutionResult, "errors" | "extensions"> {
  const { receipt } = exchange;
  if (errors === undefined && receipt === null) return nothingBeside;
  return {
    ...(errors !== undefined && { errors: clientErrors(errors, exchange) }),
    ...(receipt !== null && { extensions: { shardgate: receipt.report() } }),
  };
}

const nothingBeside = {};

/** Also counts the errors, and logs the first that is not the client's fault. */
function clientErrors(
  errors: readonly GraphQLError[],
  { executor, log, route, services }: Exchange,
): readonly GraphQLError[] {
  const isOfFields = errors[0]?.path !== undefined;
  const max = isOfFields ? graphqlErrorsMax : graphqlDocumentErrorsMax;
  const sorted = errors.toSorted(byPlace).slice(0, max);
  const told = sorted.map((error) => clientError(error, log, executor.options.rules));
  const [first] = told;
  if (!isOfFields && errors.length > max && first !== undefined) told.push(furtherErrors(first));
  let faults = 0;
  for (const [index, { extensions }] of told.entries()) {
    const code = extensions["code"] as ErrorCode;
    services.metrics.errorTold(code);
    if (errorRules[code].httpStatus < 500) continue;
    route.span?.fail(code);
    // INTERNAL_SERVER_ERROR has been logged with its cause.
    if (code === "INTERNAL_SERVER_ERROR" || faults++ > 0) continue;
    const { advice } = errorRules[code];
    const facts = { err: errors[index], code, advice, errors: errors.length };
    // As in REST: the answer to a client that disconnected is not read.
    if (route.signal?.aborted === true) log.debug(facts, "A client abandoned its GraphQL request.");
    else log.warn(facts, "Fields of a GraphQL request failed; `advice` says what to do.");
  }
  return told;
}

/**
 * The last error when a document, or its variables, have more errors than are listed; its extensions are those of the
 * last listed one.
 */
function furtherErrors({ extensions }: GraphQLError): GraphQLError {
  return new GraphQLError("There are more errors than the ones listed.", { extensions });
}

/**
 * Sorts errors of fields by their order in the document, and within lists by index, so that they do not depend on which
 * answer came first. Errors of a document as a whole have no path, and keep their order.
 */
function byPlace(a: GraphQLError, b: GraphQLError): number {
  if (a.path === undefined || b.path === undefined) return 0;
  const [at = -1] = a.positions ?? [];
  const [otherAt = -1] = b.positions ?? [];
  return at - otherAt || comparePaths(a.path, b.path);
}

function comparePaths(path: NonNullable<GraphQLError["path"]>, other: NonNullable<GraphQLError["path"]>): number {
  for (const [index, step] of path.entries()) {
    const otherStep = other[index];
    if (step === otherStep) continue;
    if (typeof step === "number" && typeof otherStep === "number") return step - otherStep;
    return String(step) < String(otherStep) ? -1 : 1;
  }
  return 0;
}

function readExchange(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams> {
  const { open, incoming, services } = exchange;
  const { bounds } = services;
  const taken = ({ params, variablesText }: SourcedParams): GraphQLParams => {
    exchange.variablesText = variablesText;
    return executableParams(params, persisted);
  };
  // Yoga refuses all other methods.
  return incoming.method === "GET" || incoming.method === "HEAD"
    ? paramsOfQuery(incoming.url ?? "", bounds).then(taken)
    : readParamsBody(open, bounds).then((body) => taken(paramsOfBody(body, bounds)));
}
