/**
 * Conditions, expiry and facts of one entry as HTTP headers and query parameters, for the storage node's plain routes
 * and the gateway's REST API alike. Entity tags and preconditions follow RFC 9110 (8.8.3, 13.1); lists of tags in a
 * write's condition are refused, because a store of versions cannot honour them. Proxies that compress answers weaken
 * or change the tags, so the version has a header of its own, and a tag that was merely weakened is still accepted as
 * its version.
 */
import type { EntryFacts } from "../core/entry.js";
import { ShardgateError } from "../core/error.js";
import { ttlSecondsMax } from "../core/limits.js";
import type { OperationExpiry, OperationCondition } from "../core/operation.js";
import { isVersion, versionNeverGiven, type Version } from "../core/version.js";
import { createdAtHeader, expiresAtHeader, versionHeader } from "./paths.js";

/** The two precondition headers as Node gives them; absent is undefined. */
export interface ConditionHeaders {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/**
 * The condition of a write: `If-Match: "7"`, `If-Match: *` or `If-None-Match: *`; null without either header. A tag in
 * a foreign format matches no version. Throws BAD_REQUEST for anything else: several or malformed tags, or both headers
 * at once.
 */
export function conditionOfHeaders({ ifMatch, ifNoneMatch }: ConditionHeaders): OperationCondition | null {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new ShardgateError("BAD_REQUEST", "If-Match and If-None-Match cannot both be conditions of one write.");
  }
  if (ifMatch !== undefined) {
    return ifMatch.trim() === "*" ? { kind: "ifPresent" } : { kind: "ifVersion", version: versionOfTag(ifMatch) };
  }
  if (ifNoneMatch === undefined) return null;
  if (ifNoneMatch.trim() === "*") return { kind: "ifAbsent" };
  throw new ShardgateError("BAD_REQUEST", `If-None-Match ${shown(ifNoneMatch)} of a write must be \`*\`.`);
}

/**
 * Whether a read's `If-None-Match` names the current version, so that the answer is 304. Tags are compared weakly and
 * may be a list, as RFC 9110, 13.1.2 requires for reads; tags in a foreign format match nothing.
 */
export function isNotModified(ifNoneMatch: string | undefined, version: Version | null): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  if (version === null) return false;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === tagOfVersion(version));
}

/**
 * The expiry in `?ttl=`, whole seconds from 1 to `ttlSecondsMax`; null when the parameter is absent. Throws BAD_REQUEST
 * for anything else. Whether it exceeds the year 9999 is decided by the storage node, by its own clock.
 */
export function expiryOfQuery(ttl: string | undefined): OperationExpiry | null {
  if (ttl === undefined) return null;
  if (!/^[1-9]\d{0,11}$/.test(ttl) || Number(ttl) > ttlSecondsMax) {
    throw new ShardgateError(
      "BAD_REQUEST",
      `ttl ${shown(ttl)} is not a whole number of seconds from 1 to ${ttlSecondsMax}.`,
    );
  }
  return { kind: "ttl", seconds: Number(ttl) };
}

/**
 * The headers for the facts of a value: ETag, X-Version, Last-Modified, X-Created-At, X-Expires-At. Unknown facts have
 * no header.
 */
export function headersOfFacts(facts: EntryFacts): Record<string, string> {
  const headers: Record<string, string> = {};
  if (facts.version !== null) {
    headers["etag"] = tagOfVersion(facts.version);
    headers[versionHeader] = facts.version;
  }
  if (facts.updatedAtMs !== null) headers["last-modified"] = new Date(facts.updatedAtMs).toUTCString();
  if (facts.createdAtMs !== null) headers[createdAtHeader] = new Date(facts.createdAtMs).toISOString();
  if (facts.expiresAtMs !== null) headers[expiresAtHeader] = new Date(facts.expiresAtMs).toISOString();
  return headers;
}

function tagOfVersion(version: Version): string {
  return `"${version}"`;
}

function versionOfTag(header: string): Version {
  const tag = header.trim().replace(/^W\//, "");
  if (tag.includes(",")) {
    throw new ShardgateError("BAD_REQUEST", `If-Match ${shown(tag)} lists several tags; a write takes one.`);
  }
  const text = /^"([^"]*)"$/.exec(tag)?.[1];
  if (text === undefined) {
    throw new ShardgateError("BAD_REQUEST", `If-Match ${shown(tag)} is neither \`*\` nor a version in quotes.`);
  }
  return isVersion(text) ? text : versionNeverGiven;
}

/** A client's text in the form in which messages quote it: in quotes, escaped and shortened. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
