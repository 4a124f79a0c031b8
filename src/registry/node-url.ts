/**
 * Where a storage node listens, as anybody who may register one can say it; the gateway will send requests there. So
 * the URL is held to what a storage node needs, and addresses at which clouds hand out credentials are refused in every
 * spelling. A host name that resolves to such an address is not found out here: that takes the network.
 * Messages never repeat the URL, which may have a password in it.
 */
import { BlockList, isIPv6 } from "node:net";
import { ShardgateError } from "../core/error.js";
import { urlCharactersMax } from "../core/limits.js";

/** The normalised origin and base path of the URL in `text`, without a trailing slash. Throws BAD_REQUEST. */
export function parseNodeUrl(text: string): string {
  if (text.length > urlCharactersMax) throw refused(`is longer than ${urlCharactersMax} characters`);
  // The URL parser silently drops these, so that a log line or header made of `text` would differ from what is called.
  if (/[\s\p{Cc}]/u.test(text)) throw refused("has white space or control characters");
  if (!/^https?:\/\//i.test(text)) throw refused("does not start with http:// or https://");
  // Also an empty query or fragment, which the parsed URL no longer shows; and of a backslash parsers think differently.
  if (/[?#\\]/.test(text)) throw refused("has a query, a fragment or a backslash");
  const url = parsed(text);
  if (url.username !== "" || url.password !== "") throw refused("has a user name or password");
  if (isReservedHost(url.hostname)) throw refused(`names ${url.hostname}, a link-local or metadata address`);
  const normalised = url.origin + url.pathname.replace(/\/+$/, "");
  if (normalised.length > urlCharactersMax) throw refused(`is longer than ${urlCharactersMax} characters when escaped`);
  return normalised;
}

const metadataHostNames: ReadonlySet<string> = new Set(["metadata", "metadata.google.internal", "metadata.goog"]);
const reservedAddresses = reservedAddressList();

/** `hostname` as the URL parser normalised it: decimal IPv4 whatever the spelling was, IPv6 in brackets, lower case. */
function isReservedHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  return metadataHostNames.has(host) || reservedAddresses.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}

/** `BlockList.check` itself knows ::ffff:a.b.c.d (RFC 4291); the other IPv6 forms of IPv4 addresses are listed. */
function reservedAddressList(): BlockList {
  const list = new BlockList();
  list.addSubnet("169.254.0.0", 16, "ipv4");
  list.addSubnet("fe80::", 10, "ipv6");
  list.addAddress("100.100.100.200", "ipv4");
  list.addAddress("fd00:ec2::254", "ipv6");
  // IPv4-compatible (RFC 4291), NAT64 (RFC 6052) and 6to4 (RFC 3056).
  for (const prefix of ["::", "64:ff9b::"]) {
    list.addSubnet(`${prefix}169.254.0.0`, 112, "ipv6");
    list.addAddress(`${prefix}100.100.100.200`, "ipv6");
  }
  list.addSubnet("2002:a9fe::", 32, "ipv6");
  list.addSubnet("2002:6464:64c8::", 48, "ipv6");
  return list;
}

function parsed(text: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", "The storage node's URL cannot be parsed.", {}, error);
  }
}

function refused(problem: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `The storage node's URL ${problem}.`);
}
