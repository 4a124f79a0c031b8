/**
 * The one error type, with a code from one closed list. The code alone decides the HTTP status, whether a retry can
 * help, and the advice; the message names the key, shard or storage node.
 */

/** What a code means: the HTTP status, whether the same request may succeed later, and what to do. */
export interface ErrorRule {
  readonly httpStatus: number;
  readonly isRetryable: boolean;
  /** Must fit every operation that is refused with the code, and every reader: HTTP answers, logs, the console. */
  readonly advice: string;
}

/** The closed list of codes. docs/reference/errors.md is generated from it. */
export const errorRules = {
  KEY_NOT_FOUND: rule(404, false, "Check the key; keys are compared byte by byte."),
  INVALID_KEY: rule(400, false, "Use 1 to 1024 bytes of UTF-8 without control characters; `.` and `..` are reserved."),
  INVALID_VALUE: rule(
    422,
    false,
    "Send JSON text without duplicate names; by default at most 1 MiB, nested at most 64 deep.",
  ),
  VERSION_CONFLICT: rule(
    412,
    false,
    "Read the entry again, then repeat the write with a condition on its current version, or on its absence.",
  ),
  SHARD_UNAVAILABLE: rule(503, true, "Try again. If the error persists, check the cluster's storage nodes."),
  OUTCOME_UNKNOWN: rule(
    504,
    false,
    "The write may or may not have happened. Read the key, or repeat with a condition.",
  ),
  UNAUTHENTICATED: rule(401, false, "Send a valid token in the header `Authorization: Bearer`."),
  FORBIDDEN: rule(403, false, "Ask an operator for the permission, or use a token that has it."),
  NOT_SUPPORTED: rule(
    501,
    false,
    "Omit the feature that the message names. Plain storage nodes support no conditions, expiry or moves.",
  ),
  STALE_EPOCH: rule(409, true, "Refresh the cluster map and try again with the shard's current epoch."),
  SHARD_NOT_HOSTED: rule(421, true, "Ask the gateway which storage node owns the shard."),
  BATCH_ANSWER_FULL: rule(
    503,
    true,
    "The batch's response reached its size limit before this operation ran. Send it again in a separate batch.",
  ),
  DRAINING: rule(
    503,
    true,
    "The process is shutting down and did not run the request. Try again with another one, or later.",
  ),
  OVERLOADED: rule(503, true, "The server is at a limit of waiting work. Try again in a moment."),
  TOO_MANY_REQUESTS: rule(
    429,
    true,
    "This client is at its limit of concurrent requests. Wait until some have finished, then try again.",
  ),
  ANSWER_TOO_LARGE: rule(413, false, "Ask for fewer keys, a smaller page, or fewer fields in one request."),
  STORAGE_FULL: rule(507, true, "Free disk space at the storage node."),
  EXPIRY_PASSED: rule(
    400,
    false,
    "Nothing was written. Send an expiry that is in the future by the storage node's clock.",
  ),
  ENTRY_DAMAGED: rule(
    500,
    false,
    "Stored data fail their checksum. Restore the storage node's data from a backup; `shardgate node verify` lists all damage.",
  ),
  STORAGE_FAILED: rule(500, false, "The storage engine failed. The storage node's log has the cause."),
  SHARD_NOT_FOUND: rule(404, false, "Shards are numbered from 0 to shardCount - 1."),
  NODE_NOT_FOUND: rule(404, false, "Check the name, or register the storage node first."),
  NODE_CONFLICT: rule(
    409,
    false,
    "Another storage node uses this name, URL or store. Choose a different one, or stop the other node first.",
  ),
  STORE_NOT_RECOGNIZED: rule(
    409,
    false,
    "Start the storage node with its own data folder. If its data are lost for good, run `shardgate node accept-loss NAME`.",
  ),
  REGISTRY_PUT_BACK: rule(
    409,
    true,
    "The registry was restored from an older copy. Wait until every storage node has registered again.",
  ),
  ASSIGNMENT_WOULD_HIDE_DATA: rule(409, false, "Keep the assignment, or force the change: data may then be hidden."),
  EPOCH_CONFLICT: rule(
    409,
    false,
    "The shard's assignment has changed. Read the shard again, then repeat the change with its current epoch.",
  ),
  SHARD_COUNT_MISMATCH: rule(
    409,
    false,
    "The number of shards and the key hash are fixed when a cluster is created. Start with the values of the existing cluster.",
  ),
  CLUSTER_MISMATCH: rule(
    409,
    false,
    "Start the storage node with the gateway of its own cluster. If that gateway lost its registry, restore the registry.",
  ),
  REGISTRY_CONFLICT: rule(409, true, "Other requests changed the cluster map at the same time. Try again."),
  REGISTRY_UNAVAILABLE: rule(503, true, "Check the registry's folder or server, and try again."),
  REGISTRY_CORRUPT: rule(
    500,
    false,
    "Restore the registry file from a backup, or move it away to start with a new registry.",
  ),
  BAD_REQUEST: rule(400, false, "Correct the request as the message says."),
  TOO_MANY_KEYS: rule(400, false, "Split the batch: by default at most 1000 keys in one field."),
  BODY_TOO_LARGE: rule(413, false, "Send less in one request."),
  HEADERS_TOO_LARGE: rule(431, false, "Send fewer or shorter headers, or send a long query with POST."),
  REQUEST_TIMEOUT: rule(408, true, "Nothing was done. Send the whole request without a pause."),
  HOST_NOT_ALLOWED: rule(
    421,
    false,
    "Use the server's IP address or `localhost`, or allow the host name with the option that the message names.",
  ),
  ORIGIN_NOT_ALLOWED: rule(403, false, "Start the gateway with the web page's origin in `--cors`."),
  BODY_TOO_COMPLEX: rule(400, false, "Nest less, or send fewer arrays, objects and members in one request."),
  NOT_FOUND: rule(404, false, "Check the path; `/openapi.json` of a gateway lists its routes."),
  METHOD_NOT_ALLOWED: rule(405, false, "Use a method that the `Allow` header lists."),
  NOT_ACCEPTABLE: rule(406, false, "Accept `application/json` or `application/graphql-response+json`."),
  UNSUPPORTED_MEDIA_TYPE: rule(415, false, "Send `content-type: application/json`."),
  TRANSFER_ENCODING_NOT_SUPPORTED: rule(501, false, "Send the body uncompressed, with `Content-Length` or in chunks."),
  GRAPHQL_PARSE_FAILED: rule(400, false, "Correct the document's syntax at the location given."),
  GRAPHQL_VALIDATION_FAILED: rule(400, false, "Correct the document; the schema is at `/graphql`."),
  DOCUMENT_TOO_LARGE: rule(400, false, "Pass values as variables, and send separate operations in separate documents."),
  DOCUMENT_TOO_DEEP: rule(400, false, "Nest fewer fields, or read the deeper levels in a second request."),
  TOO_MANY_ALIASES: rule(400, false, "Ask for many keys with `entries`, `putMany` or `deleteMany`."),
  TOO_MANY_DIRECTIVES: rule(400, false, "Use fewer directives in one document."),
  TOO_MANY_FIELDS: rule(400, false, "Select fewer fields. The fields of a fragment count each time it is used."),
  TOO_MANY_ROOT_FIELDS: rule(400, false, "Split the operation: select fewer root fields."),
  REQUEST_TOO_COSTLY: rule(
    400,
    false,
    "The request was not run. Ask for less in one request; the message states its cost.",
  ),
  INTROSPECTION_DISABLED: rule(
    403,
    false,
    "Introspection is off on this gateway. `shardgate schema print` prints the schema.",
  ),
  PERSISTED_DOCUMENT_NOT_FOUND: rule(404, false, "Start the gateway with a manifest that contains the document."),
  PERSISTED_DOCUMENT_REQUIRED: rule(
    403,
    false,
    "Send `documentId` instead of `query`. This gateway runs only persisted documents.",
  ),
  BAD_USER_INPUT: rule(400, false, "Correct the argument or variable that the message names."),
  INTERNAL_SERVER_ERROR: rule(
    500,
    false,
    "The fault is in the server, not in the request. The server's log has the cause.",
  ),
} as const satisfies Readonly<Record<string, ErrorRule>>;

/** A code from the closed list. */
export type ErrorCode = keyof typeof errorRules;

/** An expected failure. Programmer errors are plain `Error`s and are masked before they reach a client. */
export class ShardgateError extends Error {
  readonly code: ErrorCode;
  /** Further facts for programs, for example `{ shard: 3, epoch: 7 }`; sent beside `code`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ShardgateError";
    this.code = code;
    this.details = details;
  }

  get rule(): ErrorRule {
    return errorRules[this.code];
  }
}

/** The code's advice. For a `put` or `delete` it also says that nothing was written, if that is certain. */
export function adviceOf(code: ErrorCode, isWrite: boolean, advice: string = errorRules[code].advice): string {
  return isWrite && unwrittenCodes.has(code) ? `Nothing was written. ${advice}` : advice;
}

/** Codes of writes that certainly did not happen, where reads are refused with the same code. */
const unwrittenCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARD_UNAVAILABLE",
  "STORAGE_FULL",
  "STORAGE_FAILED",
]);

/** The code's advice for this storage node: replaces NAME in commands with the node's name. */
export function adviceFor(code: ErrorCode, node: string): string {
  return errorRules[code].advice.replaceAll("NAME", node);
}

/** Whether `text` is a code of the closed list; for codes that arrive over the network. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(errorRules, text);
}

/** Closes a switch over a union: the compiler proves that all cases are covered, and a wrong cast fails here. */
export function unreachable(value: never): never {
  throw new Error(`Unreachable: ${JSON.stringify(value)}`);
}

function rule(httpStatus: number, isRetryable: boolean, advice: string): ErrorRule {
  return { httpStatus, isRetryable, advice };
}
