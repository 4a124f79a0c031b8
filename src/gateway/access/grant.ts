/**
 * A grant as an operator writes it: a role on all keys that begin with a prefix. The empty prefix is the whole key
 * space. permissions.ts decides what a set of grants allows.
 */
import { ShardgateError } from "../../core/error.js";
import { prefixProblem } from "../../core/key.js";

/** `write` implies `read`; `admin` implies both, and may change the cluster. */
export type Role = "read" | "write" | "admin";

export interface Grant {
  readonly role: Role;
  /** Always "" for `admin`. */
  readonly prefix: string;
}

/** The grant of an unverified role and prefix; `admin` may omit the prefix. Throws BAD_REQUEST. */
export function grantOf(role: unknown, prefix: unknown): Grant {
  if (role !== "read" && role !== "write" && role !== "admin") {
    throw new ShardgateError("BAD_REQUEST", "A role must be `read`, `write` or `admin`.");
  }
  if (role === "admin") {
    if (prefix === undefined || prefix === "") return { role, prefix: "" };
    throw new ShardgateError("BAD_REQUEST", "`admin` covers the whole key space: its prefix must be empty or absent.");
  }
  if (typeof prefix !== "string")
    throw new ShardgateError("BAD_REQUEST", `\`${role}\` needs a prefix; "" means all keys.`);
  const problem = prefixProblem(prefix);
  if (problem !== null) throw new ShardgateError("BAD_REQUEST", `The prefix ${JSON.stringify(prefix)} ${problem}.`);
  return { role, prefix };
}

/** The grant in a text such as `read:country/`, `write:` or `admin`. Throws BAD_REQUEST. */
export function parseGrant(text: string): Grant {
  const colon = text.indexOf(":");
  return colon < 0 ? grantOf(text, undefined) : grantOf(text.slice(0, colon), text.slice(colon + 1));
}
