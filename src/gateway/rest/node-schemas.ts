/** What `/openapi.json` says of `/nodes`, and what fastify checks before its handlers run. */
import { incarnationCharactersMax, shardCountMax } from "../../core/limits.js";
import { bodyProblems, commonProblems, jsonAnswer, nodeIdSchema, nodeUrlSchema, problemAnswer } from "./schemas.js";

const incarnation = {
  type: "string",
  maxLength: incarnationCharactersMax,
  description: "Drawn anew at each start of the storage node, so that two processes with one id are told apart.",
};

const params = { type: "object", required: ["id"], properties: { id: nodeIdSchema } };
const unknownNode = problemAnswer("NODE_NOT_FOUND.");

export const listSchema = {
  operationId: "listNodes",
  summary: "List the storage nodes",
  tags: ["cluster"],
  response: {
    ...commonProblems,
    200: jsonAnswer("Every registered storage node.", {
      type: "object",
      required: ["nodes"],
      properties: {
        nodes: {
          type: "array",
          items: {
            type: "object",
            required: ["id", "url", "state", "lastSeenAt", "latencyMs", "shards"],
            properties: {
              id: { type: "string" },
              url: { type: "string" },
              state: { type: "string", enum: ["UP", "SUSPECT", "DOWN"] },
              lastSeenAt: { type: ["string", "null"], format: "date-time" },
              latencyMs: { type: ["number", "null"], description: "Of recent batches; null before the first." },
              shards: { type: "array", items: { type: "integer" }, description: "The shards it is the primary of." },
            },
          },
        },
      },
    }),
  },
};

export const registerSchema = {
  operationId: "registerNode",
  summary: "Add a storage node, or tell that it is back",
  description: "`id` and `url` are enough for a storage node in any language that has the three plain routes.",
  tags: ["cluster"],
  body: {
    type: "object",
    required: ["id", "url"],
    properties: {
      id: nodeIdSchema,
      url: nodeUrlSchema,
      clusterId: { type: ["string", "null"], description: "The cluster whose data the node keeps." },
      shardCount: { type: ["integer", "null"], minimum: 1, description: "Of that cluster." },
      mapVersion: { type: ["integer", "null"], minimum: 0, description: "The cluster map the node was last told of." },
      shards: {
        type: "array",
        maxItems: shardCountMax,
        items: { $ref: "HostedShard#" },
        description: "Shards with data, so that a shard without an owner goes back to where its data is.",
      },
      incarnation,
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("It was known.", { $ref: "NodeAssignments#" }),
    201: jsonAnswer("It is new.", { $ref: "NodeAssignments#" }),
    409: problemAnswer("NODE_CONFLICT, CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, REGISTRY_CONFLICT."),
  },
};

export const removeSchema = {
  operationId: "removeNode",
  summary: "Forget a storage node",
  description: "Its shards lose their owner. Refused while it is live or has data, unless `force` is true.",
  tags: ["cluster"],
  params,
  querystring: {
    type: "object",
    properties: { force: { type: "string", enum: ["true", "false"], description: "Remove it all the same." } },
  },
  response: {
    ...commonProblems,
    200: jsonAnswer("It is forgotten.", {
      type: "object",
      required: ["id", "unassignedShards"],
      properties: { id: { type: "string" }, unassignedShards: { type: "array", items: { type: "integer" } } },
    }),
    404: unknownNode,
    409: problemAnswer("ASSIGNMENT_WOULD_HIDE_DATA, REGISTRY_CONFLICT."),
  },
};

export const heartbeatSchema = {
  operationId: "heartbeat",
  summary: "Tell that a storage node lives",
  tags: ["cluster"],
  params,
  body: {
    type: ["object", "null"],
    properties: {
      incarnation,
      mapVersion: { type: ["integer", "null"], description: "Of the assignments the node has." },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("What the node has to know.", { $ref: "NodeAssignments#" }),
    404: unknownNode,
    409: problemAnswer("NODE_CONFLICT: another process has taken over the id."),
  },
};
