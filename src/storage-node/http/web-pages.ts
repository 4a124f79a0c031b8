/**
 * Keeps web pages out of a storage node. It is no server for browsers, but one that listens on a developer's machine is
 * within reach of every page that is open there: a page may send a `POST /batch` without being asked (CORS knows no
 * preflight for text/plain), and can give its own name the node's address to read what it answers.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { hostNameOf, isLoopbackAddress, isRebindable, normalHostName } from "../../core/text/host-name.js";

export interface WebPageOptions {
  /** Hosts of the node's URLs, which are taken whatever they are. */
  readonly ownHosts: readonly string[];
  /** Callers have to prove who they are: then a page that took over a name still reads nothing. */
  readonly areCallersProven: boolean;
}

/** Refuses what a page sends, with ORIGIN_NOT_ALLOWED, and names that are not the node's, with HOST_NOT_ALLOWED. */
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
 * Browsers put `Origin` on everything that may change something (Fetch standard, 3.1), and no page can leave it out. Of
 * what they send at all, only that which a person typed or opened says `none` (Fetch Metadata).
 */
function isOfPage({ headers }: FastifyRequest["raw"]): boolean {
  return headers.origin !== undefined || (headers["sec-fetch-site"] ?? "none") !== "none";
}
