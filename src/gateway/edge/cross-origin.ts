/**
 * What web pages of other origins may do: nothing, unless their origin is listed. Browsers send a preflight before most
 * requests (CORS, Fetch standard 3.2); requests without one are refused if they would change something. Credentials of
 * the browser are never allowed: callers authenticate with a header that a page must set itself, so no page can act on
 * behalf of its visitor.
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

/** How long a browser may cache the answer to a preflight: the longest time that Chrome accepts. */
const corsMaxAgeSeconds = 7_200;

export class CrossOrigin {
  readonly #origins: ReadonlySet<string>;

  /** Origins as browsers write them, `https://example.com:8443`; `*` stands for all. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Adds the headers to an answer that allow pages of listed origins to read it. */
  addHeaders({ headers }: IncomingMessage, answer: string[]): void {
    if (this.#origins.size === 0) return;
    const { origin } = headers;
    const isForAll = this.#origins.has("*");
    // Sent for requests without an origin too, because caches might serve their answers to pages.
    if (!isForAll) answer.push("vary", "origin");
    if (origin === undefined || !this.#isListed(origin)) return;
    answer.push("access-control-allow-origin", isForAll ? "*" : origin);
    answer.push("access-control-expose-headers", exposedHeaders);
  }

  /** ORIGIN_NOT_ALLOWED for a request of a web page that is refused; null for all others. */
  refusalOf(request: IncomingMessage): ShardgateError | null {
    if (!changesSomething(request) && !isPreflight(request)) return null;
    const { origin, host, "sec-fetch-site": site } = request.headers;
    if (origin === undefined && site === undefined) return null;
    if (origin !== undefined && this.#isListed(origin)) return null;
    // On secure pages the browser sets this header, and no page can forge it; a proxy may have changed the host.
    if (site === "same-origin" || site === "none") return null;
    if (site === undefined && origin !== undefined && hostOf(origin) === host?.toLowerCase()) return null;
    const shown = JSON.stringify(origin ?? "of another origin");
    return new ShardgateError("ORIGIN_NOT_ALLOWED", `Web pages of ${shown} are not listed in --cors.`);
  }

  /** Answers the preflight of a page of a listed origin. Returns false, without answering, for other requests. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
    if (!isPreflight(request)) return false;
    const { origin, "access-control-request-headers": asked } = request.headers;
    if (origin === undefined || !this.#isListed(origin)) return false;
    response.setHeader("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE");
    response.setHeader("access-control-max-age", corsMaxAgeSeconds);
    // A page of a listed origin may send any header, as the gateway's own pages may.
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

/** Host and port; null for an opaque origin. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** The response headers that browsers would hide from pages otherwise. */
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
