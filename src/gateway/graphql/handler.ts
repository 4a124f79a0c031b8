/** Answers HTTP requests for GraphQL: gives each its deadline, signal and loaders, and sends what Yoga made of it. */
import type { ServerResponse } from "node:http";
import { ShardgateError } from "../../core/error.js";
import { encodingOf } from "../../core/key.js";
import { sentAsBytesMin } from "../../core/limits.js";
import { endRequestSpan, startRequestSpan } from "../../core/tracing.js";
import { requestIdHeader } from "../../wire/paths.js";
import { AnswerBudget } from "../../routing/answer-budget.js";
import type { RouteContext } from "../../routing/router.js";
import { acceptedType, graphqlMediaTypes } from "../accept.js";
import { known } from "../access/access.js";
import { requestServices } from "../access/request-services.js";
import type { OpenRequest } from "../edge/open-requests.js";
import { endWithGraphqlError } from "../problem-answer.js";
import type { GatewayServices } from "../services.js";
import { isTraced } from "../trace-permission.js";
import { BoundedDocuments, type DocumentRules } from "./documents.js";
import { DirectExecution } from "./direct-execution.js";
import { ExactVariables } from "./exact-variables.js";
import type { Exchange } from "./exchange.js";
import { ListBudget } from "./list-budget.js";
import { RequestLoaders } from "./loaders.js";
import { Receipt } from "./receipt.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { createExecutableSchema } from "./schema.js";
import { RequestLog } from "./request-log.js";
import { createYogaServer, yogaPath } from "./yoga.js";

export interface GraphqlOptions extends DocumentRules {
  /** Documents that requests may name instead of bringing them along; null: none. */
  readonly persistedDocuments: PersistedDocuments | null;
  /** By default true; false sends everything through Yoga, so that tests can hold the two ways against each other. */
  readonly isShortWayTaken?: boolean | undefined;
}

/** The handler of the one path where GraphQL is served; the query string is looked at, the path is not. */
export function createGraphqlHandler(
  services: GatewayServices,
  { persistedDocuments, isShortWayTaken = true, ...rules }: GraphqlOptions,
): (open: OpenRequest) => void {
  const schema = createExecutableSchema();
  const variables = new ExactVariables(schema);
  const documents = new BoundedDocuments(schema, services.bounds, rules);
  const direct = new DirectExecution(schema, variables, documents, persistedDocuments);
  const yoga = createYogaServer(schema, variables, documents, persistedDocuments);

  /** By Yoga: everything that is not ordinary. */
  async function answerAtLength(exchange: Exchange, response: ServerResponse): Promise<void> {
    const { incoming, open } = exchange;
    open.setHeaders();
    const { method = "GET", headers, url = "" } = incoming;
    // Yoga does not weigh the media types, and would find out that it can answer in none of them when all is done.
    const accept = acceptedType(headers.accept, graphqlMediaTypes);
    if (accept === null) throw new ShardgateError("NOT_ACCEPTABLE", "None of the accepted media types is available.");
    const yogaRequest = new yoga.fetchAPI.Request(`http://gateway${yogaPath}${searchOf(url)}`, {
      // Node leaves the body out of an answer to HEAD.
      method: method === "HEAD" ? "GET" : method,
      headers: { accept },
    });
    await send(await yoga.handleRequest(yogaRequest, exchange), response);
  }

  /** Never rejects. */
  async function answer(open: OpenRequest): Promise<void> {
    const { request, response } = open;
    const { method = "GET" } = request;
    const log = new RequestLog(services.log, String(request.headers[requestIdHeader]));
    const { tracer } = services;
    const span =
      tracer === undefined
        ? undefined
        : startRequestSpan(tracer, { method, route: yogaPath, headers: request.headers });
    const startMs = services.clock.monotonicMs();
    try {
      const found = services.access.callerOf(request);
      const caller = known(found instanceof Promise ? await found : found, request);
      if (!services.access.isOpen) open.countFor(caller);
      const exchange = startExchange({ services, caller, log, rules, span }, open);
      const pieces = isShortWayTaken ? await direct.piecesFor(exchange) : null;
      if (pieces === null) await answerAtLength(exchange, response);
      else sendJson(pieces, open);
    } catch (error) {
      const told = error instanceof ShardgateError ? error : new ShardgateError("INTERNAL_SERVER_ERROR", masked);
      if (told !== error)
        log.error({ err: error }, "A GraphQL request could not be answered; this is a bug, please report `err`.");
      services.metrics.errorTold(told.code);
      open.setHeaders();
      endWithGraphqlError(request, response, told);
    }
    const status = response.statusCode;
    const durationMs = services.clock.monotonicMs() - startMs;
    services.metrics.requestAnswered({ route: yogaPath, method, status, durationMs });
    services.log.debug({ requestId: log.requestId, method, status, durationMs }, "A GraphQL request was answered.");
    if (span !== undefined) endRequestSpan(span, status);
  }

  return (open) => void answer(open);
}

/** What a client reads of a failure that nobody expected. */
const masked = "Something went wrong inside the server.";

interface ExchangeStart extends Pick<Exchange, "caller" | "log" | "rules"> {
  /** The real ones. */
  readonly services: GatewayServices;
  readonly span: RouteContext["span"];
}

function startExchange({ services, caller, log, rules, span }: ExchangeStart, open: OpenRequest): Exchange {
  const { request, clientGone: signal } = open;
  const { requestId } = log;
  const deadlineMs = services.clock.monotonicMs() + services.requestTimeoutMs;
  const { answerBytes, listItems } = services.bounds;
  const route = { deadlineMs, signal, budget: new AnswerBudget(answerBytes, open.answer), requestId, span };
  const receipt = isTraced(request, caller) ? new Receipt(requestId, services.clock) : null;
  const usable = requestServices(services, caller, requestId);
  return {
    caller,
    services: usable,
    route,
    receipt,
    loaders: new RequestLoaders(usable, route, receipt),
    lists: new ListBudget(listItems),
    log,
    rules,
    open,
    incoming: request,
    variablesText: null,
    params: null,
  };
}

function searchOf(url: string): string {
  const start = url.indexOf("?");
  return start < 0 ? "" : url.slice(start);
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  const body = await answer.text();
  answer.headers.forEach((value, name) => {
    // Whether the connection is kept is between Node and the client.
    if (name.toLowerCase() !== "connection") response.setHeader(name, value);
  });
  response.statusCode = answer.status;
  response.end(body);
}

/** `pieces`: the text of the answer. */
function sendJson(pieces: readonly string[], { answer, headers, response }: OpenRequest): void {
  let characters = 0;
  let bytes = 0;
  for (const piece of pieces) {
    characters += piece.length;
    bytes += Buffer.byteLength(piece);
  }
  answer.hold(characters);
  headers.push("content-type", "application/json; charset=utf-8", "content-length", String(bytes));
  response.writeHead(200, headers);
  const encoding = encodingOf(characters, bytes);
  // Node would copy a text twice more, once behind the headers and once as bytes. For short ones, one write pays more.
  if (bytes < sentAsBytesMin) response.end(pieces.join(""), encoding);
  else response.end(joinedBytes(pieces, bytes, encoding));
}

function joinedBytes(pieces: readonly string[], length: number, encoding: "latin1" | "utf8"): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) at += bytes.write(piece, at, encoding);
  return bytes;
}
