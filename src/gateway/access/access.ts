/**
 * Authentication at the gateway: finds the caller of each request. Several token verifiers may be configured; without
 * any, every client may do everything. request-services.ts enforces what a caller may do.
 */
import type { IncomingMessage } from "node:http";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { auditTo, type AuditLog } from "./audit-log.js";
import { openCaller, type Caller } from "./caller.js";

export interface Access {
  /** Null when credentials are missing or invalid. */
  callerOf(request: Pick<IncomingMessage, "headers">): Caller | null | Promise<Caller | null>;
  /** Whether clients without a token may do everything. */
  readonly isOpen: boolean;
  /** Whether storage nodes must authenticate with the cluster's secret. */
  readonly areNodesProven: boolean;
  readonly audit: AuditLog;
}

/** Verifies bearer tokens (RFC 6750) of one kind. */
export interface TokenVerifier {
  /** Null when the token is not of this kind, or not valid. */
  callerOf(token: string): Caller | null | Promise<Caller | null>;
}

export interface AccessParts {
  /** Tried in order. */
  readonly verifiers: readonly TokenVerifier[];
  /** Whether clients without a token may do everything. */
  readonly isOpen: boolean;
  readonly areNodesProven: boolean;
  readonly audit: AuditLog;
}

export function createAccess({ verifiers, ...facts }: AccessParts): Access {
  const open = facts.isOpen ? openCaller : null;
  return {
    ...facts,
    callerOf({ headers: { authorization } }) {
      // A token that is sent is always verified, even if none is needed: an invalid token never counts as no token.
      if (verifiers.length === 0 || authorization === undefined) return open;
      const token = bearerToken(authorization);
      return token === null ? null : firstCaller(verifiers, token);
    },
  };
}

/** Access without authentication: every client may do everything. */
export function openAccess(log: Log): Access {
  return createAccess({ verifiers: [], isOpen: true, areNodesProven: false, audit: auditTo(log) });
}

/**
 * The caller, if the credentials of `request` were valid. Throws UNAUTHENTICATED, which says whether a token is
 * missing, but never why a token is invalid.
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
