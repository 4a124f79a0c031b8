/** Answers HTTP requests for GraphQL: gives each its deadline, signal and loaders, and sends what Yoga made of it. */
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

/** From this length on an answer is turned into bytes before it is written. */
const sentAsBytesMin = 16_384;

export interface GraphqlOptions extends DocumentRules {
  /** By default that of every gateway. */
  readonly schema?: GraphQLSchema | undefined;
  /** Documents that requests may name instead of bringing them along; null: none. */
  readonly persistedDocuments: PersistedDocuments | null;
  /** By default false; true sends everything through Yoga and GraphQL.js, so that tests can hold both ways against each other. */
  readonly isOracle?: boolean | undefined;
}

/** Answers at the one path where GraphQL is served; the query string is looked at, the path is not. */
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

  /** Serves another schema from the next request on; those under way go on with theirs. */
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

  /** Nearly all traffic: a POST by a client that takes plain JSON. It needs none of the Fetch API's objects that Yoga makes. */
  #isPlain({ method, headers }: IncomingMessage): boolean {
    return this.#options.isOracle !== true && method === "POST" && plainAccepts.has(headers.accept ?? "*/*");
  }

  /** By Yoga: everything that is not ordinary, or was refused. */
  async #answerAtLength(exchange: Exchange, response: ServerResponse): Promise<void> {
    const { incoming, open } = exchange;
    open.setHeaders();
    const { method = "GET", headers } = incoming;
    // Yoga does not weigh the media types, and would find out that it can answer in none of them when all is done.
    const accept = acceptedType(headers.accept, graphqlMediaTypes);
    if (accept === null) throw new ShardgateError("NOT_ACCEPTABLE", "None of the accepted media types is available.");
    const yogaRequest = new this.#yoga.fetchAPI.Request(`http://gateway${yogaPath}`, {
      // Node leaves the body out of an answer to HEAD.
      method: method === "HEAD" ? "GET" : method,
      headers: { accept },
    });
    await send(await this.#yoga.handleRequest(yogaRequest, exchange), response);
  }
}

/** What the clients in use send; anything finer is negotiated by Yoga. */
const plainAccepts: ReadonlySet<string> = new Set([
  "*/*",
  "application/json",
  "application/json, text/plain, */*",
  "application/json, */*",
]);

/** Null, with nothing executed, for those that Yoga has to read: it says what is wrong with them. */
function ordinaryParams(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams | null> {
  return paramsOf(exchange, persisted).then(
    (params) => (isOrdinary(params) ? params : null),
    () => null,
  );
}

/** What a client reads of a failure that nobody expected. */
const masked = "Something went wrong inside the server.";

interface ExchangeStart extends Pick<Exchange, "caller" | "executor" | "log"> {
  /** The real ones. */
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
