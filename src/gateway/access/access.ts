/**
 * How the gateway finds out who asks. Several ways to prove it may stand side by side; where there is none, everybody may
 * do everything. What a caller may do is then enforced in one place, by request-services.ts.
 */
import type { IncomingMessage } from "node:http";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { auditTo, type AuditLog } from "./audit-log.js";
import { openCaller, type Caller } from "./caller.js";

export interface Access {
  /** Null: credentials are missing or invalid. */
  callerOf(request: Pick<IncomingMessage, "headers">): Caller | null | Promise<Caller | null>;
  /** Nobody is asked: every client is the same caller. */
  readonly isOpen: boolean;
  /** Storage nodes have a secret to prove themselves with, and whoever has none is not taken for one. */
  readonly areNodesProven: boolean;
  readonly audit: AuditLog;
}

/** A way to prove who one is by a bearer token (RFC 6750). */
export interface TokenVerifier {
  /** Null when the token is none of its, or does not hold. */
  callerOf(token: string): Caller | null | Promise<Caller | null>;
}

export interface AccessParts {
  /** Asked in turn. */
  readonly verifiers: readonly TokenVerifier[];
  /** Whether clients that bring no token may do everything. */
  readonly isOpen: boolean;
  readonly areNodesProven: boolean;
  readonly audit: AuditLog;
}

export function createAccess({ verifiers, ...facts }: AccessParts): Access {
  const open = facts.isOpen ? openCaller : null;
  return {
    ...facts,
    callerOf({ headers: { authorization } }) {
      // Whoever brings a token wants it looked at, also where none is needed: a wrong one is never taken for none.
      if (verifiers.length === 0 || authorization === undefined) return open;
      const token = bearerToken(authorization);
      return token === null ? null : firstCaller(verifiers, token);
    },
  };
}

/** Everybody may do everything. */
export function openAccess(log: Log): Access {
  return createAccess({ verifiers: [], isOpen: true, areNodesProven: false, audit: auditTo(log) });
}

/**
 * The caller found by what `request` brings. Throws UNAUTHENTICATED, which says whether a token is missing, and never
 * what is wrong with one.
 */
export function known(caller: Caller | null, { headers }: Pick<IncomingMessage, "headers">): Caller {
  if (caller !== null) return caller;
  throw new ShardgateError("UNAUTHENTICATED", refusalOfToken(headers.authorization));
}

function refusalOfToken(authorization: string | undefined): string {
  if (authorization === undefined) return "This gateway requires a token, and the request carries none.";
  if (bearerToken(authorization) === null) return "The `Authorization` header is not `Bearer` followed by a token.";
  return "The request's token is not valid.";
}

function firstCaller(verifiers: readonly TokenVerifier[], token: string): Caller | null | Promise<Caller | null> {
  for (const [index, verifier] of verifiers.entries()) {
    const caller = verifier.callerOf(token);
    if (caller === null) continue;
    if (!(caller instanceof Promise)) return caller;
    const rest = verifiers.slice(index + 1);
    return caller.then((found) => found ?? firstCaller(rest, token));
  }
  return null;
}

/** RFC 6750, 2.1. */
function bearerToken(authorization: string): string | null {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization)?.[1] ?? null;
}
