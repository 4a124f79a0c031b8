/** The headers that every page of the gateway is served with, the playground's and the console's alike. */
import type { OutgoingHttpHeaders } from "node:http";

export interface PageHeaders {
  /** Of the page and its files. */
  readonly security: OutgoingHttpHeaders;
  /** Of the page itself; it is never kept, because it names the files of this build. */
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
