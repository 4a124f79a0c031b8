/** The JSON schemas that several REST routes share; a route's own schema is beside its handler. */
import { epochMax, nameCharactersMax, shardCountMax, urlCharactersMax } from "../../../core/limits.js";
import { problemMediaType } from "../../../wire/paths.js";

/** A JSON schema as plain data. */
export type Schema = Readonly<Record<string, unknown>>;

/** Named schemas, which the OpenAPI document lists under `components`. */
export const sharedSchemas: readonly Schema[] = [
  {
    $id: "Problem",
    type: "object",
    description: "Why a request failed, as in RFC 9457. Programs should use `code` only.",
    required: ["title", "status", "detail", "code", "isRetryable", "advice"],
    additionalProperties: true,
    properties: {
      title: { type: "string" },
      status: { type: "integer" },
      detail: { type: "string", description: "For people; names the key, shard or storage node." },
      code: { type: "string", description: "One of the error codes of docs/reference/errors.md." },
      isRetryable: { type: "boolean", description: "Whether the same request may succeed later." },
      advice: { type: "string", description: "What to do." },
    },
  },
  {
    $id: "ShardRow",
    type: "object",
    description: "Assignment of a shard to a storage node; `nodeId` is null for a shard without an owner.",
    required: ["shardId", "nodeId", "isPrimary", "epoch", "lineage", "state"],
    properties: {
      shardId: { type: "integer", minimum: 0 },
      nodeId: { type: ["string", "null"] },
      isPrimary: { type: "boolean" },
      epoch: { type: "integer", description: "Grows with every change of this shard's assignment." },
      lineage: {
        type: "integer",
        description: "Raised when data may have been lost. Versions are comparable only within one lineage.",
      },
      state: { type: "string", enum: ["ACTIVE", "UNAVAILABLE", "UNASSIGNED"] },
    },
  },
  {
    $id: "HostedShard",
    type: "object",
    description: "A shard a storage node has data of, or has claimed.",
    required: ["shardId", "epoch", "keyCount", "sizeBytes"],
    properties: {
      shardId: { type: "integer", minimum: 0, maximum: shardCountMax - 1 },
      epoch: {
        type: ["integer", "null"],
        minimum: 0,
        maximum: epochMax,
        description: "The highest epoch that it claimed.",
      },
      keyCount: { type: "integer", minimum: 0 },
      sizeBytes: { type: "integer", minimum: 0 },
      releasedEpoch: {
        type: "integer",
        minimum: 0,
        maximum: epochMax,
        description: "The highest epoch that it gave up.",
      },
      lineage: { type: "integer", minimum: 0 },
      sequence: { type: "integer", minimum: 0, description: "The last number given to a change." },
      sealedFor: { type: ["string", "null"], description: "Id of the move for which the shard is sealed." },
    },
  },
  {
    $id: "NodeAssignments",
    type: "object",
    description: "The part of the cluster map that a storage node needs.",
    required: ["clusterId", "shardCount", "mapVersion"],
    properties: {
      clusterId: { type: "string" },
      shardCount: { type: "integer", minimum: 1 },
      mapVersion: { type: "integer", minimum: 1 },
      leader: {
        type: "string",
        description: "URL of the gateway that leads; the storage node reports there from then on. Absent: unknown.",
      },
      shards: {
        type: "array",
        description: "The shards it is the primary of; absent when the node's `mapVersion` is current.",
        items: {
          type: "object",
          required: ["shardId", "epoch"],
          properties: {
            shardId: { type: "integer" },
            epoch: { type: "integer" },
            lineage: { type: "integer" },
            sealedFor: {
              type: "string",
              description: "Id of the move during which the node neither reads nor writes the shard.",
            },
          },
        },
      },
    },
  },
];

export const nodeIdSchema: Schema = {
  type: "string",
  maxLength: nameCharactersMax,
  description: "The id a storage node registered with.",
  examples: ["node1"],
};

export const nodeUrlSchema: Schema = {
  type: "string",
  maxLength: urlCharactersMax,
  description: "Where the storage node answers: http or https, without user, query or fragment.",
  examples: ["http://127.0.0.1:4001"],
};

/** An answer with a JSON body. */
export function jsonAnswer(description: string, schema: Schema, headers: Schema = {}): Schema {
  return { description, headers, content: { "application/json": { schema } } };
}

/** An answer without a body. */
export function emptyAnswer(description: string, headers: Schema = {}): Schema {
  return { type: "null", description, headers };
}

/** An answer with problem details. */
export function problemAnswer(description: string): Schema {
  return { description, content: { [problemMediaType]: { schema: { $ref: "Problem#" } } } };
}

/** Answers that any route may give, beside those in its own schema. */
export const commonProblems: Readonly<Record<string, Schema>> = {
  400: problemAnswer("BAD_REQUEST: the request is invalid."),
  401: problemAnswer("UNAUTHENTICATED: this gateway requires a token, and the request carries no valid one."),
  403: problemAnswer(
    "FORBIDDEN: the caller lacks the permission. ORIGIN_NOT_ALLOWED: the web page's origin is not in `--cors`.",
  ),
  421: problemAnswer("HOST_NOT_ALLOWED: the gateway does not allow this host name."),
  429: problemAnswer("TOO_MANY_REQUESTS: the client is at its limit of concurrent requests."),
  431: problemAnswer("HEADERS_TOO_LARGE."),
  500: problemAnswer("INTERNAL_SERVER_ERROR: the gateway failed; its log has the cause."),
  501: problemAnswer("TRANSFER_ENCODING_NOT_SUPPORTED: the body's transfer encoding is not supported."),
  503: problemAnswer("OVERLOADED: the gateway is at a limit. REGISTRY_UNAVAILABLE: its registry does not answer."),
};

/** Answers that routes with a JSON body may give, beside their own. */
export const bodyProblems: Readonly<Record<string, Schema>> = {
  ...commonProblems,
  408: problemAnswer("REQUEST_TIMEOUT: the body arrived too slowly."),
  413: problemAnswer("BODY_TOO_LARGE."),
  415: problemAnswer("UNSUPPORTED_MEDIA_TYPE: the body must be `application/json`."),
};
