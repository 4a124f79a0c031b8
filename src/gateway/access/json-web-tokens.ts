/**
 * Verifies JSON Web Tokens (RFC 7519) of an issuer that this gateway trusts: signed with a key of its key set (RFC
 * 7517), for this audience, and not expired. The claim `shardgate` contains the grants; `sub` is the caller's name.
 */
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { callerGrantsMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { TokenVerifier } from "./access.js";
import { isCallerName, type Caller } from "./caller.js";
import { parseGrant } from "./grant.js";
import { Permissions } from "./permissions.js";

/** Tolerated difference between the clocks of the gateway and the issuer of tokens, in seconds. */
const tokenClockToleranceS = 5;

/** How long the server of the key set may take to answer. */
const keySetTimeoutMs = 3_000;

/** Minimum time between two fetches because of an unknown key, so that clients cannot cause endless requests. */
const keySetCooldownMs = 30_000;

/** How long fetched keys are used before they are fetched again. */
const keySetAgeMsMax = 600_000;

export interface JsonWebTokenParts {
  readonly issuer: string;
  readonly audience: string;
  /** Returns the current keys. */
  readonly keys: () => KeySet;
  readonly clock: Clock;
  readonly log: Log;
}

/** Finds the key that a token claims to be signed with. */
export type KeySet = JWTVerifyGetKey;

export function jsonWebTokenVerifier(parts: JsonWebTokenParts): TokenVerifier {
  const report = reportTo(parts.log);
  // Any other token is left to the next verifier without a wait.
  return { callerOf: (token) => (token.split(".").length === 3 ? verified(token, parts, report) : null) };
}

/** The keys in the text of a JWKS file. Throws BAD_REQUEST. */
export function parseKeySet(text: string): KeySet {
  try {
    const keySet = JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0];
    const keys = createLocalJWKSet(keySet);
    if (keySet.keys.length > 0) return keys;
  } catch {
    // The messages of both errors add nothing to the one below, and one of them quotes the file.
  }
  throw new ShardgateError("BAD_REQUEST", "It is not a JSON Web Key Set (RFC 7517) with at least one key.");
}

/** The keys at a URL, fetched when first needed, and again when they are old or one is missing. */
export function remoteKeySet(url: URL): KeySet {
  return createRemoteJWKSet(url, {
    timeoutDuration: keySetTimeoutMs,
    cooldownDuration: keySetCooldownMs,
    cacheMaxAge: keySetAgeMsMax,
  });
}

/** Algorithms with a public key only: with a shared key, everyone who can verify a token could issue one. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** Never rejects. */
async function verified(
  token: string,
  { issuer, audience, keys, clock }: JsonWebTokenParts,
  report: Report,
): Promise<Caller | null> {
  try {
    const { payload } = await jwtVerify(token, keys(), {
      algorithms,
      issuer,
      audience,
      clockTolerance: tokenClockToleranceS,
      currentDate: new Date(clock.nowMs()),
      requiredClaims: ["exp", "sub"],
    });
    const caller = callerIn(payload);
    report(null);
    return caller;
  } catch (error) {
    report(error);
    return null;
  }
}

/** Throws BAD_REQUEST for invalid claims. Without the claim `shardgate` there are no grants. */
function callerIn({ sub, ["shardgate"]: grants = [] }: JWTPayload): Caller {
  if (!isCallerName(sub)) {
    throw new ShardgateError("BAD_REQUEST", "Claim `sub` is not a valid caller name.");
  }
  const isList = Array.isArray(grants) && grants.length <= callerGrantsMax;
  if (!isList || !grants.every((grant) => typeof grant === "string")) {
    throw new ShardgateError("BAD_REQUEST", "Claim `shardgate` is not a list of grants.");
  }
  return { name: sub, permissions: new Permissions(grants.map(parseGrant)), isNode: false, isPeer: false };
}

/** Receives the error of each token; null for a valid one. */
type Report = (error: unknown) => void;

/** Logs a problem with the keys once, however many tokens arrive meanwhile, and problems with tokens at level debug. */
function reportTo(log: Log): Report {
  let isTrouble = false;
  return (error) => {
    if (error === null) isTrouble = false;
    else if (isTokensFault(error)) log.debug({ reason: String(error) }, "A JSON Web Token was refused.");
    else if (!isTrouble) {
      isTrouble = true;
      log.warn({ err: error }, "JSON Web Tokens cannot be verified; requests that carry one are refused.");
    }
  };
}

/** Any other error concerns the key set: it cannot be fetched, or is not a key set. */
function isTokensFault(error: unknown): boolean {
  if (error instanceof ShardgateError) return true;
  const isOfKeys =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC");
  return error instanceof errors.JOSEError && !isOfKeys;
}
