/**
 * The checks that every request passes before it is served: it gets an id, and its headers, its host and its origin are
 * checked. Then simple pages are answered, and all other requests are admitted while there is room.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ShardgateError } from "../../core/error.js";
import type { Metrics, RequestRefusal } from "../metrics/gateway-metrics.js";
import { endWithGraphqlError, problemHeaders, securityHeaders } from "../problem-answer.js";
import { problemOf } from "../../wire/problem.js";
import { requestIdHeader } from "../../wire/paths.js";
import { settleRequestId } from "./request-id.js";
import { CrossOrigin } from "./cross-origin.js";
import { HostCheck } from "./host-check.js";
import type { OpenRequest } from "./open-request.js";
import type { OpenRequests } from "./open-requests.js";
import { headersRefusal, targetOf } from "./unusual-requests.js";

/** Which web pages and host names may reach the gateway. */
export interface WebOptions {
  /** Origins whose pages may use the gateway; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** Accepted host names, beside addresses and `localhost`. */
  readonly allowedHosts: readonly string[];
  /** The host name under which other gateways and storage nodes call this gateway; it is accepted, too. */
  readonly ownHost?: string;
}

export const closedWeb: WebOptions = { corsOrigins: [], allowedHosts: [] };

export interface FrontParts {
  readonly openRequests: OpenRequests;
  readonly web: WebOptions;
  /** Whether clients need no credentials. */
  readonly isOpen: boolean;
  readonly metrics: Pick<Metrics, "requestRefused" | "errorTold">;
  readonly nextId: () => string;
  /** Whether the gateway is about to stop: it is no longer ready, and every answer closes its connection. */
  isDraining(): boolean;
  /** Answers a request for a page. Returns false, without answering, for all others. */
  answerPage(request: IncomingMessage, response: ServerResponse): boolean;
  /** Serves a request for GraphQL or REST. */
  serve(open: OpenRequest, isGraphql: boolean): void;
}

export class Front {
  readonly #parts: FrontParts;
  readonly #hosts: HostCheck;
  readonly #origins: CrossOrigin;

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#hosts = new HostCheck(parts.web.allowedHosts, parts.isOpen, parts.web.ownHost);
    this.#origins = new CrossOrigin(parts.web.corsOrigins);
  }

  receive(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const { openRequests, nextId, isDraining, answerPage, serve } = this.#parts;
    const target = targetOf(request.url ?? "/");
    if (target !== null) request.url = target.form;
    const open = openRequests.begin(request, response, awaitsContinue);
    open.headers.push(requestIdHeader, settleRequestId(request, nextId), ...headersOfAll);
    const path = pathOf(request.url ?? "/");
    if (isDraining()) {
      open.headers.push("connection", "close");
      if (path === readyPath) return this.#refuse(open, new ShardgateError("DRAINING", "The gateway is stopping."));
    }
    const refusal = this.#refusalOf(request, target?.host ?? null);
    if (refusal !== null) return this.#refuse(open, refusal);
    this.#origins.addHeaders(request, open.headers);
    const isGraphql = path === graphqlPath;
    // Most requests are GraphQL by POST, whose handler writes all headers in one call.
    if (!isGraphql || request.method !== "POST") open.setHeaders();
    if (this.#origins.answerPreflight(request, response) || answerPage(request, response)) return;
    const shortage = isNeverRefused(path) ? null : open.admit();
    if (shortage === null) serve(open, isGraphql);
    else this.#refuse(open, shortage);
  }

  /**
   * Answers in the form that clients of this path expect. The connection is kept: opening another one would cost more.
   */
  #refuse(open: OpenRequest, error: ShardgateError): void {
    const { request, response } = open;
    open.setHeaders();
    this.#parts.metrics.errorTold(error.code);
    if (pathOf(request.url ?? "") === graphqlPath) return endWithGraphqlError(request, response, error);
    const body = JSON.stringify(problemOf(error));
    response.writeHead(error.rule.httpStatus, { ...problemHeaders(error), "content-length": Buffer.byteLength(body) });
    response.end(body);
  }

  #refusalOf(request: IncomingMessage, host: string | null): ShardgateError | null {
    const refusal = headersRefusal(request) ?? this.#hosts.refusalOf(request, host) ?? this.#origins.refusalOf(request);
    if (refusal !== null) this.#parts.metrics.requestRefused(reasons.get(refusal.code) ?? "headers");
    return refusal;
  }
}

const headersOfAll = securityHeaders.flat();

const graphqlPath = "/graphql";
const readyPath = "/ready";
const statusPaths: ReadonlySet<string> = new Set(["/health", readyPath, "/metrics"]);

/**
 * Monitoring must see that the gateway is overloaded. And a storage node would be declared silent if its heartbeats
 * were refused because of the gateway's load, or the load of a client at the same address.
 */
function isNeverRefused(path: string): boolean {
  return statusPaths.has(path) || /^\/nodes\/[^/]+\/heartbeat$/.test(path);
}

const reasons: ReadonlyMap<string, RequestRefusal> = new Map([
  ["HOST_NOT_ALLOWED", "host"],
  ["ORIGIN_NOT_ALLOWED", "origin"],
]);

function pathOf(target: string): string {
  const queryAt = target.indexOf("?");
  return queryAt < 0 ? target : target.slice(0, queryAt);
}
