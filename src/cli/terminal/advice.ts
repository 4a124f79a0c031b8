/**
 * Advice on refusals for users of the command line, in terms of its options and commands; the advice in core/error.ts
 * is for everyone who sends requests.
 */
import { adviceOf, type ErrorCode } from "../../core/error.js";

/** `isWrite`: the refusal of a put or delete, whose advice also says whether something was written. */
export function commandAdvice(code: ErrorCode, isWrite = false): string {
  return adviceOf(code, isWrite, advice[code]);
}

/** Advice on a token that the gateway did not accept. `source` is where it was read; null when none was sent. */
export function tokenAdvice(source: string | null): string {
  const where = "Set SHARDGATE_TOKEN, or name a file that has the token with --token-file.";
  return source === null ? where : `The token is from ${source}. It may be mistyped, expired or revoked.`;
}

const otherVersion = "The gateway may run another version than this program; `shardgate --version` prints this one.";
const notGateway = "Check that --endpoint is the URL of a gateway.";
const lessAtOnce = "Ask for less at once: fewer keys, or a smaller --limit.";

const advice: Partial<Record<ErrorCode, string>> = {
  SHARD_UNAVAILABLE: "Try again. If the error persists, `shardgate status` shows what is wrong.",
  OUTCOME_UNKNOWN: "The write may or may not have happened. Read the key with `shardgate get` before repeating it.",
  UNAUTHENTICATED: tokenAdvice(null),
  FORBIDDEN: "Ask an operator for the permission, or use a token that has it (SHARDGATE_TOKEN or --token-file).",
  NOT_SUPPORTED:
    "Plain storage nodes do not support moves, --if-version, --if-absent, --if-present, --ttl and --expires-at.",
  ANSWER_TOO_LARGE: lessAtOnce,
  REQUEST_TOO_COSTLY: lessAtOnce,
  TOO_MANY_KEYS: "Pass fewer keys in one command.",
  BODY_TOO_LARGE: "Send less at once.",
  BODY_TOO_COMPLEX: "Send a value with less nesting and fewer members.",
  HEADERS_TOO_LARGE: "Use a shorter token.",
  EXPIRY_PASSED:
    "Nothing was written. Choose a --ttl or --expires-at that is in the future by the storage node's clock.",
  SHARD_NOT_FOUND: "`shardgate shard ls` lists the shards.",
  NODE_NOT_FOUND: "`shardgate node ls` lists the storage nodes that the gateway knows.",
  ASSIGNMENT_WOULD_HIDE_DATA: "Keep the assignment, or add --force: data may then be hidden.",
  EPOCH_CONFLICT:
    "The shard's assignment has changed. Check it with `shardgate shard get`, then repeat with its epoch as --if-epoch.",
  BAD_REQUEST: "Correct what the message names.",
  BAD_USER_INPUT: "Correct what the message names.",
  REQUEST_TIMEOUT: "Nothing was done. The connection may be slow; try again.",
  HOST_NOT_ALLOWED:
    "Use the gateway's IP address in --endpoint, or start the gateway with this host name in `--allow-host`.",
  NOT_FOUND: notGateway,
  METHOD_NOT_ALLOWED: notGateway,
  NOT_ACCEPTABLE: notGateway,
  UNSUPPORTED_MEDIA_TYPE: notGateway,
  GRAPHQL_PARSE_FAILED: otherVersion,
  GRAPHQL_VALIDATION_FAILED: otherVersion,
  DOCUMENT_TOO_LARGE: otherVersion,
  DOCUMENT_TOO_DEEP: otherVersion,
  TOO_MANY_ALIASES: otherVersion,
  TOO_MANY_DIRECTIVES: otherVersion,
  TOO_MANY_FIELDS: otherVersion,
  TOO_MANY_ROOT_FIELDS: otherVersion,
  PERSISTED_DOCUMENT_NOT_FOUND: otherVersion,
  PERSISTED_DOCUMENT_REQUIRED:
    "Use a gateway that was started without `--persisted-only`; this one runs only the queries in its manifest.",
};
