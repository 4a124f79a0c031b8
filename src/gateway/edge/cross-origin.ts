/**
 * What web pages of other origins may do here: nothing, unless their origin is listed. Browsers ask before most requests
 * (CORS, Fetch standard 3.2), and what they send without asking is refused when it would change something. Credentials
 * are never allowed: callers are known by a header that a page has to set itself, so no page acts for whoever visits it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ShardgateError } from "../../core/error.js";
import {
  createdAtHeader,
  expiresAtHeader,
  nodeHeader,
  requestIdHeader,
  shardHeader,
  versionHeader,
} from "../../wire/paths.js";

/** How long a browser may remember what a web page of another origin may do here: the longest that Chrome does. */
const corsMaxAgeSeconds = 7_200;

export class CrossOrigin {
  readonly #origins: ReadonlySet<string>;

  /** Origins as browsers write them, `https://example.com:8443`; `*` stands for all. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Adds to an answer's headers what lets pages of listed origins read it. */
  addHeaders({ headers }: IncomingMessage, answer: string[]): void {
    if (this.#origins.size === 0) return;
    const { origin } = headers;
    const isForAll = this.#origins.has("*");
    // Also for requests without an origin: caches would give their answers to pages.
    if (!isForAll) answer.push("vary", "origin");
    if (origin === undefined || !this.#isListed(origin)) return;
    answer.push("access-control-allow-origin", isForAll ? "*" : origin);
    answer.push("access-control-expose-headers", exposedHeaders);
  }

  /** Why a request of a web page is refused, ORIGIN_NOT_ALLOWED; null: it is not, or it is no page's. */
  refusalOf(request: IncomingMessage): ShardgateError | null {
    if (!changesSomething(request) && !isPreflight(request)) return null;
    const { origin, host, "sec-fetch-site": site } = request.headers;
    if (origin === undefined && site === undefined) return null;
    if (origin !== undefined && this.#isListed(origin)) return null;
    // Browsers say it themselves on secure pages, and no page can forge it; a proxy may have changed the host.
    if (site === "same-origin" || site === "none") return null;
    if (site === undefined && origin !== undefined && hostOf(origin) === host?.toLowerCase()) return null;
    const shown = JSON.stringify(origin ?? "of another origin");
    return new ShardgateError("ORIGIN_NOT_ALLOWED", `Web pages of ${shown} are not listed in --cors.`);
  }

  /** Answers a browser that asks what a page of a listed origin may send; false, and nothing is answered, for others. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
    if (!isPreflight(request)) return false;
    const { origin, "access-control-request-headers": asked } = request.headers;
    if (origin === undefined || !this.#isListed(origin)) return false;
    response.setHeader("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE");
    response.setHeader("access-control-max-age", corsMaxAgeSeconds);
    // A page of a listed origin may send what it likes, as one of our own may.
    if (asked !== undefined) response.setHeader("access-control-allow-headers", asked);
    response.writeHead(204).end();
    return true;
  }

  #isListed(origin: string): boolean {
    return this.#origins.has("*") || this.#origins.has(origin);
  }
}

function changesSomething({ method }: IncomingMessage): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

/** Host and port; null of an opaque origin. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** Those of our answers that browsers would keep from pages. */
const exposedHeaders = [
  "etag",
  versionHeader,
  "allow",
  "retry-after",
  "server-timing",
  shardHeader,
  nodeHeader,
  expiresAtHeader,
  createdAtHeader,
  requestIdHeader,
].join(", ");
