/**
 * Parses the URL of a storage node. Every caller who may register a node chooses it, and the gateway sends requests to
 * it; so only the parts that a storage node needs are allowed, and reserved addresses are refused in every spelling. A
 * host name that resolves to such an address is refused later (node-guard.ts), because that takes the network. URLs of
 * other gateways follow the same rules. Messages never repeat the URL, which may contain a password.
 */
import { isIP } from "node:net";
import { ShardgateError } from "../../core/error.js";
import { urlCharactersMax } from "../../core/limits.js";
import { reservedKind } from "./reserved-address.js";

/** The normalised origin and base path of the storage node's URL in `text`, without a trailing slash. Throws BAD_REQUEST. */
export function parseNodeUrl(text: string): string {
  return parseUrl(text, "storage node's URL");
}

/** The same for a gateway's URL. */
export function parseGatewayUrl(text: string): string {
  return parseUrl(text, "gateway's URL");
}

function parseUrl(text: string, what: string): string {
  const refused = (problem: string): ShardgateError => new ShardgateError("BAD_REQUEST", `The ${what} ${problem}.`);
  if (text.length > urlCharactersMax) throw refused(`is longer than ${urlCharactersMax} characters`);
  // The URL parser silently drops these, so that a log line or header made of `text` would differ from what is called.
  if (/[\s\p{Cc}]/u.test(text)) throw refused("has white space or control characters");
  if (!/^https?:\/\//i.test(text)) throw refused("does not start with http:// or https://");
  // Also an empty query or fragment, which the parsed URL no longer shows; and backslashes, which parsers treat
  // differently.
  if (/[?#\\]/.test(text)) throw refused("has a query, a fragment or a backslash");
  const url = parsed(text, what);
  if (url.username !== "" || url.password !== "") throw refused("has a user name or password");
  if (url.port === "0") throw refused("has port 0, which cannot be called");
  const kind = reservedHostKind(url.hostname);
  if (kind !== null) throw refused(`names ${url.hostname}, ${kind}`);
  const normalised = url.origin + url.pathname.replace(/\/+$/, "");
  if (normalised.length > urlCharactersMax) throw refused(`is longer than ${urlCharactersMax} characters when escaped`);
  return normalised;
}

/** The host of a parsed URL as node:net takes it: IPv6 without brackets, a name without the dot that may end it. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
}

const metadataHostNames: ReadonlySet<string> = new Set(["metadata", "metadata.google.internal", "metadata.goog"]);

/** `hostname` as the URL parser normalised it: decimal IPv4 whatever the spelling was, IPv6 in brackets, lower case. */
function reservedHostKind(hostname: string): string | null {
  const host = bareHost(hostname);
  if (metadataHostNames.has(host)) return "a link-local or metadata address";
  return isIP(host) === 0 ? null : reservedKind(host);
}

function parsed(text: string, what: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", `The ${what} cannot be parsed.`, {}, error);
  }
}
