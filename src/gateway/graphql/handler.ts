/**
 * Answers HTTP requests for GraphQL: gives each its deadline, abort signal and loaders, executes it, and sends the
 * result, with Yoga where the request is not an ordinary one.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLSchema } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { ShardgateError } from "../../core/error.js";
import { encodingOf } from "../../core/key.js";
import { endRequestSpan, startRequestSpan } from "../../core/tracing.js";
import { requestIdHeader } from "../../wire/paths.js";
import { AnswerBudget } from "../../routing/answer-budget.js";
import type { RouteContext } from "../../routing/router.js";
import { acceptedType, graphqlMediaTypes } from "../accept.js";
import { known } from "../access/access.js";
import { requestServices } from "../guard/request-services.js";
import type { OpenRequest } from "../edge/open-request.js";
import { endWithGraphqlError } from "../problem-answer.js";
import type { GatewayServices } from "../services.js";
import { isTraced } from "../trace-permission.js";
import type { DocumentRules } from "./documents/document-rules.js";
import { finalMembers, paramsOf, resultOf, type Exchange } from "./request/exchange.js";
import { Executor } from "./execution/executor.js";
import { ListBudget } from "./execution/list-budget.js";
import { RequestLoaders } from "./execution/loaders.js";
import type { PersistedDocuments } from "./request/persisted-documents.js";
import { Receipt } from "./execution/receipt.js";
import { RequestLog } from "./request/request-log.js";
import { isOrdinary } from "./request/request-params.js";
import { resultPieces } from "./values/result-text.js";
import { createExecutableSchema } from "./schema.js";
import { createYogaServer, yogaPath } from "./request/yoga.js";

/** Answers from this length on are encoded as bytes before they are written. */
const sentAsBytesMin = 16_384;

export interface GraphqlOptions extends DocumentRules {
  /** By default the schema of every gateway. */
  readonly schema?: GraphQLSchema | undefined;
  /** Persisted documents that requests may name; null: none. */
  readonly persistedDocuments: PersistedDocuments | null;
  /** By default false; true sends everything through Yoga and GraphQL.js, so that tests can compare both ways. */
  readonly isOracle?: boolean | undefined;
}

/** Answers requests at the path of GraphQL. It reads the query string but not the path. */
export class GraphqlHandler {
  readonly #services: GatewayServices;
  readonly #options: GraphqlOptions;
  readonly #yoga: ReturnType<typeof createYogaServer>;
  #executor: Executor;

  constructor(services: GatewayServices, { schema = createExecutableSchema(), ...options }: GraphqlOptions) {
    this.#services = services;
    this.#options = options;
    this.#yoga = createYogaServer(options.persistedDocuments);
    this.#executor = this.#executorOf(schema);
  }

  /** Serves another schema from the next request on; running requests keep theirs. */
  replaceSchema(schema: GraphQLSchema): void {
    this.#executor = this.#executorOf(schema);
  }

  /** Never rejects. */
  async answer(open: OpenRequest): Promise<void> {
    const { request, response } = open;
    const { method = "GET" } = request;
    const { persistedDocuments } = this.#options;
    const { access, clock, metrics, tracer } = this.#services;
    const log = new RequestLog(this.#services.log, String(request.headers[requestIdHeader]));
    const span =
      tracer === undefined
        ? undefined
        : startRequestSpan(tracer, { method, route: yogaPath, headers: request.headers });
    const startMs = clock.monotonicMs();
    try {
      const found = access.callerOf(request);
      const caller = known(found instanceof Promise ? await found : found, request);
      if (!access.isOpen) open.countFor(caller);
      const exchange = startExchange({ services: this.#services, executor: this.#executor, caller, log, span }, open);
      const params = this.#isPlain(request) ? await ordinaryParams(exchange, persistedDocuments) : null;
      const result = params === null ? null : (exchange.result = await resultOf(params, exchange));
      if (result?.data === undefined) await this.#answerAtLength(exchange, response);
      else sendJson(resultPieces({ data: result.data, ...finalMembers(result.errors, exchange) }), open);
    } catch (error) {
      const told = error instanceof ShardgateError ? error : new ShardgateError("INTERNAL_SERVER_ERROR", masked);
      if (told !== error)
        log.error({ err: error }, "A GraphQL request could not be answered; this is a bug, please report `err`.");
      metrics.errorTold(told.code);
      open.setHeaders();
      endWithGraphqlError(request, response, told);
    }
    const status = response.statusCode;
    const durationMs = clock.monotonicMs() - startMs;
    metrics.requestAnswered({ route: yogaPath, method, status, durationMs });
    this.#services.log.debug(
      { requestId: log.requestId, method, status, durationMs },
      "A GraphQL request was answered.",
    );
    if (span !== undefined) endRequestSpan(span, status);
  }

  #executorOf(schema: GraphQLSchema): Executor {
    const { isOracle } = this.#options;
    return new Executor(schema, { bounds: this.#services.bounds, rules: this.#options, isOracle });
  }

  /**
   * Whether this is an ordinary request, as nearly all are: a POST by a client that accepts plain JSON. It needs none
   * of the Fetch API objects that Yoga creates.
   */
  #isPlain({ method, headers }: IncomingMessage): boolean {
    return this.#options.isOracle !== true && method === "POST" && plainAccepts.has(headers.accept ?? "*/*");
  }

  /** Answers by Yoga: requests that are not ordinary, or were refused. */
  async #answerAtLength(exchange: Exchange, response: ServerResponse): Promise<void> {
    const { incoming, open } = exchange;
    open.setHeaders();
    const { method = "GET", headers } = incoming;
    // Yoga does not weigh media types, and would notice only after the execution that none is acceptable.
    const accept = acceptedType(headers.accept, graphqlMediaTypes);
    if (accept === null) throw new ShardgateError("NOT_ACCEPTABLE", "None of the accepted media types is available.");
    const yogaRequest = new this.#yoga.fetchAPI.Request(`http://gateway${yogaPath}`, {
      // Node omits the body of an answer to HEAD.
      method: method === "HEAD" ? "GET" : method,
      headers: { accept },
    });
    await send(await this.#yoga.handleRequest(yogaRequest, exchange), response);
  }
}

/** The `Accept` headers of common clients; Yoga negotiates all others. */
const plainAccepts: ReadonlySet<string> = new Set([
  "*/*",
  "application/json",
  "application/json, text/plain, */*",
  "application/json, */*",
]);

/** Null, without executing anything, for parameters that Yoga must read, because it reports what is wrong with them. */
function ordinaryParams(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams | null> {
  return paramsOf(exchange, persisted).then(
    (params) => (isOrdinary(params) ? params : null),
    () => null,
  );
}

/** The message that clients get for an unexpected error. */
const masked = "Something went wrong inside the server.";

interface ExchangeStart extends Pick<Exchange, "caller" | "executor" | "log"> {
  /** The services without restrictions of the caller. */
  readonly services: GatewayServices;
  readonly span: RouteContext["span"];
}

function startExchange({ services, executor, caller, log, span }: ExchangeStart, open: OpenRequest): Exchange {
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
    executor,
    open,
    incoming: request,
    variablesText: null,
    params: null,
    result: null,
  };
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  const body = await answer.text();
  answer.headers.forEach((value, name) => {
    // Node and the client decide whether the connection is kept.
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
  // Node would copy the text twice more, once to append it to the headers and once to encode it. For short texts a
  // single write is faster.
  if (bytes < sentAsBytesMin) response.end(pieces.join(""), encoding);
  else response.end(joinedBytes(pieces, bytes, encoding));
}

function joinedBytes(pieces: readonly string[], length: number, encoding: "latin1" | "utf8"): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces) at += bytes.write(piece, at, encoding);
  return bytes;
}
