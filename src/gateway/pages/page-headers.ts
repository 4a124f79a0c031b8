/** The headers of every page of the gateway, console and playground alike. */
import type { OutgoingHttpHeaders } from "node:http";

export interface PageHeaders {
  /** For the page and its files. */
  readonly security: OutgoingHttpHeaders;
  /** For the page itself; it is never cached, because it names the files of this build. */
  readonly page: OutgoingHttpHeaders;
}

export function pageHeaders(contentSecurityPolicy: string): PageHeaders {
  const security = {
    "content-security-policy": contentSecurityPolicy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
  return { security, page: { ...security, "content-type": "text/html; charset=utf-8", "cache-control": "no-store" } };
}
