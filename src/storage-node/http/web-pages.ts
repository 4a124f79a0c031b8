/**
 * Refuses requests of web pages. A storage node that listens on a developer's machine is reachable for every page open
 * in a browser there: a page may send a `POST /batch` without a CORS preflight (as text/plain), and may point its own
 * host name at the node's address to read the answers (DNS rebinding).
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { hostNameOf, isLoopbackAddress, isRebindable, normalHostName } from "../../core/text/host-name.js";

export interface WebPageOptions {
  /** Host names of the node's own URLs, which are always accepted. */
  readonly ownHosts: readonly string[];
  /** Callers must authenticate: then a page gains nothing from a rebound host name. */
  readonly areCallersProven: boolean;
}

/** Refuses requests of pages with ORIGIN_NOT_ALLOWED, and host names that are not the node's with HOST_NOT_ALLOWED. */
export function refuseWebPages(app: FastifyInstance, { ownHosts, areCallersProven }: WebPageOptions): void {
  const own = new Set(ownHosts.map(normalHostName));
  app.addHook("onRequest", async ({ raw }) => {
    if (isOfPage(raw)) {
      throw new ShardgateError("ORIGIN_NOT_ALLOWED", "Storage nodes do not answer web pages; call a gateway instead.");
    }
    const { host } = raw.headers;
    if (areCallersProven || host === undefined || !isLoopbackAddress(raw.socket.localAddress ?? "")) return;
    const name = hostNameOf(host);
    if (name === null)
      throw new ShardgateError("BAD_REQUEST", "The request's host is neither a host name nor an IP address.");
    if (!isRebindable(name) || own.has(name)) return;
    const message = `The storage node does not allow the host name ${JSON.stringify(name)}. To allow it, start the storage node with an --advertise URL of that host.`;
    throw new ShardgateError("HOST_NOT_ALLOWED", message);
  });
}

/**
 * Browsers set `Origin` on every request that may change something (Fetch standard, 3.1), and pages cannot remove it.
 * Of all requests of a browser, only those that a person typed or opened have `Sec-Fetch-Site: none` (Fetch Metadata).
 */
function isOfPage({ headers }: FastifyRequest["raw"]): boolean {
  return headers.origin !== undefined || (headers["sec-fetch-site"] ?? "none") !== "none";
}
