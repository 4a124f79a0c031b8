/** Answers HTTP requests for GraphQL: gives each its deadline, signal and loaders, and sends what Yoga made of it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorRules, ShardgateError, type ErrorCode } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { requestIdHeader } from "../../wire/paths.js";
import { AnswerBudget } from "../../routing/answer-budget.js";
import type { GatewayServices } from "../services.js";
import { isTraced } from "../trace-permission.js";
import { BoundedDocuments } from "./documents.js";
import { DirectExecution } from "./direct-execution.js";
import { ExactVariables } from "./exact-variables.js";
import type { Exchange } from "./exchange.js";
import { ListBudget } from "./list-budget.js";
import { createLoaders } from "./loaders.js";
import { Receipt } from "./receipt.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { createExecutableSchema } from "./schema.js";
import { createYogaServer, yogaPath } from "./yoga.js";

export interface GraphqlOptions {
  /** Documents that requests may name instead of bringing them along; null: none. */
  readonly persistedDocuments: PersistedDocuments | null;
}

/** The handler of the one path where GraphQL is served; the query string is looked at, the path is not. */
export function createGraphqlHandler(
  services: GatewayServices,
  { persistedDocuments }: GraphqlOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const schema = createExecutableSchema();
  const variables = new ExactVariables(schema);
  const documents = new BoundedDocuments(schema, services.bounds);
  const direct = new DirectExecution(schema, variables, documents, persistedDocuments);
  const yoga = createYogaServer(schema, variables, documents, persistedDocuments);

  /** By Yoga: everything that is not ordinary. */
  async function answerAtLength(exchange: Exchange, response: ServerResponse): Promise<void> {
    const { method = "GET", headers, url = "" } = exchange.incoming;
    const yogaRequest = new yoga.fetchAPI.Request(`http://gateway${yogaPath}${searchOf(url)}`, {
      method,
      headers: { accept: headers.accept ?? "*/*" },
    });
    await send(await yoga.handleRequest(yogaRequest, exchange), response);
  }

  /** Never rejects. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET" } = request;
    const exchange = startExchange(services, request, response);
    const startMs = services.clock.monotonicMs();
    try {
      const text = await direct.textFor(exchange);
      if (text === null) await answerAtLength(exchange, response);
      else sendJson(200, text, response);
    } catch (error) {
      const code = error instanceof ShardgateError ? error.code : "INTERNAL_SERVER_ERROR";
      if (code === "INTERNAL_SERVER_ERROR")
        exchange.log.error({ err: error }, "A GraphQL request could not be answered.");
      services.metrics.errorTold(code);
      sendError(code, response);
    }
    const facts = { method, status: response.statusCode };
    const durationMs = services.clock.monotonicMs() - startMs;
    services.metrics.requestAnswered({ route: yogaPath, ...facts, durationMs });
    exchange.log.debug({ ...facts, durationMs }, "A GraphQL request was answered.");
  }

  return (request, response) => void answer(request, response);
}

function startExchange(services: GatewayServices, request: IncomingMessage, response: ServerResponse): Exchange {
  const requestId = String(request.headers[requestIdHeader]);
  const clientGone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) clientGone.abort();
  });
  const deadlineMs = services.clock.monotonicMs() + services.requestTimeoutMs;
  const { answerBytes, listItems } = services.bounds;
  const route = { deadlineMs, signal: clientGone.signal, budget: new AnswerBudget(answerBytes), requestId };
  const log = logWith(services.log, { requestId });
  const receipt = isTraced(request) ? new Receipt(requestId, services.clock) : null;
  return {
    services,
    route,
    receipt,
    loaders: createLoaders(services, route, receipt),
    lists: new ListBudget(listItems),
    log,
    incoming: request,
    variablesText: null,
    params: null,
  };
}

function logWith(log: Log, facts: object): Exchange["log"] {
  return {
    debug: (more, message) => log.debug({ ...facts, ...more }, message),
    warn: (more, message) => log.warn({ ...facts, ...more }, message),
    error: (more, message) => log.error({ ...facts, ...more }, message),
  };
}

function searchOf(url: string): string {
  const start = url.indexOf("?");
  return start < 0 ? "" : url.slice(start);
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  if (answer.status === errorRules.NOT_ACCEPTABLE.httpStatus) return sendError("NOT_ACCEPTABLE", response);
  const body = await answer.text();
  answer.headers.forEach((value, name) => {
    // Whether the connection is kept is between Node and the client.
    if (name.toLowerCase() !== "connection") response.setHeader(name, value);
  });
  response.setHeader("cache-control", "no-store");
  response.statusCode = answer.status;
  response.end(body);
}

function sendJson(status: number, text: string, response: ServerResponse): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.end(text);
}

/** For the few errors that come from outside the execution. */
function sendError(code: ErrorCode, response: ServerResponse): void {
  if (response.headersSent) return;
  const { httpStatus, isRetryable, advice } = errorRules[code];
  response.statusCode = httpStatus;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(JSON.stringify({ errors: [{ message: advice, extensions: { code, isRetryable } }] }));
}
