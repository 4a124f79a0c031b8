/** The JSON schemas that several REST routes share; each route's own stands beside its handler. */
import { epochMax, nameCharactersMax, shardCountMax, urlCharactersMax } from "../../../core/limits.js";
import { problemMediaType } from "../../../wire/paths.js";

/** A JSON schema as plain data. */
export type Schema = Readonly<Record<string, unknown>>;

/** Schemas with a name, which the OpenAPI document lists under `components`. */
export const sharedSchemas: readonly Schema[] = [
  {
    $id: "Problem",
    type: "object",
    description: "Why a request failed (RFC 9457). Programs look at `code` alone.",
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
    description: "That a storage node holds a shard; `nodeId` is null for a shard without an owner.",
    required: ["shardId", "nodeId", "isPrimary", "epoch", "lineage", "state"],
    properties: {
      shardId: { type: "integer", minimum: 0 },
      nodeId: { type: ["string", "null"] },
      isPrimary: { type: "boolean" },
      epoch: { type: "integer", description: "Grows with every change of this shard's assignment." },
      lineage: { type: "integer", description: "Raised when data may have been lost; versions compare within one." },
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
      epoch: { type: ["integer", "null"], minimum: 0, maximum: epochMax, description: "The highest that it claimed." },
      keyCount: { type: "integer", minimum: 0 },
      sizeBytes: { type: "integer", minimum: 0 },
      releasedEpoch: { type: "integer", minimum: 0, maximum: epochMax, description: "The highest that it gave up." },
      lineage: { type: "integer", minimum: 0 },
      sequence: { type: "integer", minimum: 0, description: "The last number given to a change." },
      sealedFor: { type: ["string", "null"], description: "Id of the move that it is sealed for." },
    },
  },
  {
    $id: "NodeAssignments",
    type: "object",
    description: "What a storage node has to know of the cluster map.",
    required: ["clusterId", "shardCount", "mapVersion"],
    properties: {
      clusterId: { type: "string" },
      shardCount: { type: "integer", minimum: 1 },
      mapVersion: { type: "integer", minimum: 1 },
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
            sealedFor: { type: "string", description: "Id of the move for which it neither reads nor writes." },
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

/** An answer that tells a problem. */
export function problemAnswer(description: string): Schema {
  return { description, content: { [problemMediaType]: { schema: { $ref: "Problem#" } } } };
}

/** What any route may answer, beside what its own schema says. */
export const commonProblems: Readonly<Record<string, Schema>> = {
  400: problemAnswer("The request is wrong: BAD_REQUEST."),
  401: problemAnswer("UNAUTHENTICATED: there is no valid token, and this gateway asks for one."),
  403: problemAnswer(
    "FORBIDDEN: the caller may not do this. ORIGIN_NOT_ALLOWED: the request comes from a web page that is not listed.",
  ),
  421: problemAnswer("The gateway is not called by this name: HOST_NOT_ALLOWED."),
  429: problemAnswer("The client has its share of requests under way: TOO_MANY_REQUESTS."),
  431: problemAnswer("HEADERS_TOO_LARGE."),
  500: problemAnswer("A fault of the gateway: INTERNAL_SERVER_ERROR; its log has the cause."),
  501: problemAnswer("The body is coded in a way that is not understood: TRANSFER_ENCODING_NOT_SUPPORTED."),
  503: problemAnswer("The gateway is full (OVERLOADED), or its registry does not answer (REGISTRY_UNAVAILABLE)."),
};

/** What routes with a JSON body may answer, beside their own. */
export const bodyProblems: Readonly<Record<string, Schema>> = {
  ...commonProblems,
  408: problemAnswer("REQUEST_TIMEOUT: the body came too slowly."),
  413: problemAnswer("BODY_TOO_LARGE."),
  415: problemAnswer("UNSUPPORTED_MEDIA_TYPE: the body must be `application/json`."),
};
