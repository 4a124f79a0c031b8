/**
 * Verifies tokens from a list that an operator maintains: a JSON array of `{ name, sha256, grants, expiresAt? }`. The
 * list contains only hashes of the tokens, so that reading it does not reveal any. An unsalted hash suffices because
 * tokens are long and random, so that they cannot be guessed.
 */
import { hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { duplicateNameProblem } from "../../core/text/json-text.js";
import { callerGrantsMax, callerNameCharactersMax } from "../../core/limits.js";
import { parseTimestamp } from "../../core/text/timestamp.js";
import type { TokenVerifier } from "./access.js";
import { isCallerName, ownCallerNames, type Caller } from "./caller.js";
import { grantOf, type Grant } from "./grant.js";
import { Permissions } from "./permissions.js";

/** Keyed by the SHA-256 of the token, in base64. */
export type StaticTokens = ReadonlyMap<string, StaticToken>;

interface StaticToken {
  readonly digest: Buffer;
  readonly caller: Caller;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAtMs: number | null;
}

/** Uses the current content of the file. */
export function staticTokenVerifier(file: { readonly content: StaticTokens }, clock: Clock): TokenVerifier {
  return {
    callerOf(token) {
      const digest = hash("sha256", token, "buffer");
      const found = file.content.get(digest.toString("base64")) ?? unknownToken;
      // The lookup's duration already reveals something, but only about a hash, whose bytes an attacker cannot choose.
      const isSame = timingSafeEqual(digest, found.digest);
      const isExpired = found.expiresAtMs !== null && found.expiresAtMs <= clock.nowMs();
      return isSame && !isExpired ? found.caller : null;
    },
  };
}

/** Throws BAD_REQUEST that names the invalid entry and never repeats a hash. */
export function parseStaticTokens(text: string): StaticTokens {
  const list = parsedJson(text);
  if (!Array.isArray(list)) throw bad("It must be a JSON array of tokens");
  const tokens = new Map<string, StaticToken>();
  for (const [index, item] of list.entries()) {
    const token = tokenOf(item, `Token ${index + 1}`);
    const id = token.digest.toString("base64");
    if (tokens.has(id)) throw bad(`Token ${index + 1} has the same hash as an earlier one`);
    tokens.set(id, token);
  }
  return tokens;
}

/**
 * Compared with tokens that are not in the list, so that these take the same time. It never matches: no token has this
 * hash.
 */
const unknownToken: StaticToken = {
  digest: Buffer.alloc(32),
  caller: { name: "unknown", permissions: new Permissions([]), isNode: false, isPeer: false },
  expiresAtMs: 0,
};

const members: ReadonlySet<string> = new Set(["name", "sha256", "grants", "expiresAt"]);

function tokenOf(item: unknown, which: string): StaticToken {
  const { name, sha256, grants, expiresAt, ...rest } = recordOf(item, which);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw bad(`${which} has a member ${JSON.stringify(unknown)}; it may have ${[...members].join(", ")}`);
  }
  if (!isCallerName(name)) {
    const own = ownCallerNames.join(", ");
    throw bad(`${which} needs a \`name\` of 1 to ${callerNameCharactersMax} characters, other than ${own}`);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw bad(`${which} needs \`sha256\`: 64 hexadecimal digits`);
  }
  if (!Array.isArray(grants) || grants.length > callerGrantsMax) {
    throw bad(`${which} needs \`grants\`: a list of at most ${callerGrantsMax}`);
  }
  return {
    digest: Buffer.from(sha256, "hex"),
    caller: {
      name,
      permissions: new Permissions(grants.map((grant) => grantIn(grant, which))),
      isNode: false,
      isPeer: false,
    },
    expiresAtMs: expiresAt === undefined ? null : momentOf(expiresAt, which),
  };
}

function grantIn(item: unknown, which: string): Grant {
  const { role, prefix, ...rest } = recordOf(item, `A grant of ${which}`);
  if (Object.keys(rest).length > 0) throw bad(`A grant of ${which} may have only \`role\` and \`prefix\``);
  try {
    return grantOf(role, prefix);
  } catch (error) {
    throw error instanceof ShardgateError ? bad(`${which}: ${error.message.replace(/\.$/, "")}`) : error;
  }
}

function momentOf(text: unknown, which: string): number {
  const atMs = parseTimestamp(text);
  if (atMs === null) throw bad(`${which} has an \`expiresAt\` that is not a timestamp such as 2030-01-31T12:00:00Z`);
  return atMs;
}

function recordOf(item: unknown, which: string): Readonly<Record<string, unknown>> {
  if (typeof item !== "object" || item === null || Array.isArray(item)) throw bad(`${which} must be a JSON object`);
  return item as Readonly<Record<string, unknown>>;
}

function parsedJson(text: string): unknown {
  try {
    const list: unknown = JSON.parse(text);
    const problem = duplicateNameProblem(text);
    // It would be ambiguous which of two members counts.
    if (problem !== null) throw bad(`It ${problem}`);
    return list;
  } catch (error) {
    if (error instanceof ShardgateError) throw error;
    // The parser's own message is not used: it would quote the file.
    throw new ShardgateError("BAD_REQUEST", "It is not JSON.", {}, error);
  }
}

function bad(message: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `${message}.`);
}
