/** What `/openapi.json` says of `/nodes`, and what fastify checks before its handlers run. */
import {
  incarnationCharactersMax,
  mapVersionToldMax,
  nameCharactersMax,
  shardCountMax,
  storeStartsMax,
} from "../../../core/limits.js";
import { bodyProblems, commonProblems, jsonAnswer, nodeIdSchema, nodeUrlSchema, problemAnswer } from "./schemas.js";

const incarnation = {
  type: "string",
  maxLength: incarnationCharactersMax,
  description: "Drawn anew at each start of the storage node: the id of that start.",
};

const identifier = { type: "string", maxLength: incarnationCharactersMax };
const nodeRowFields = ["id", "url", "state", "lastSeenAt", "latencyMs", "shards", "storeId", "problem", "staleShards"];
const shardNumbers = { type: "array", items: { type: "integer" } };

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
            required: nodeRowFields,
            properties: {
              id: { type: "string" },
              url: { type: "string" },
              state: { type: "string", enum: ["UP", "SUSPECT", "DOWN"] },
              lastSeenAt: { type: ["string", "null"], format: "date-time" },
              latencyMs: { type: ["number", "null"], description: "Of recent batches; null before the first." },
              shards: { ...shardNumbers, description: "The shards it is the primary of." },
              storeId: { type: ["string", "null"], description: "Its store; null on a plain storage node." },
              problem: {
                type: ["object", "null"],
                description: "Why it may not serve its shards; null: its last registration was accepted.",
                required: ["code", "message", "advice", "shards", "storeId"],
                properties: {
                  code: { type: "string" },
                  message: { type: "string" },
                  advice: { type: "string", description: "What to do." },
                  shards: { ...shardNumbers, description: "Those that cannot be served." },
                  storeId: { type: ["string", "null"], description: "The store that it came with." },
                },
              },
              staleShards: {
                ...shardNumbers,
                description: "Shards of which it has entries that clients do not see, since another node owns them.",
              },
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
      mapVersion: {
        type: ["integer", "null"],
        minimum: 0,
        maximum: mapVersionToldMax,
        description: "The cluster map the node was last told of.",
      },
      shards: {
        type: "array",
        maxItems: shardCountMax,
        items: { $ref: "HostedShard#" },
        description: "Every shard that the node has claimed or has data of.",
      },
      incarnation,
      storeId: { ...identifier, description: "Id of the node's store. Absent: a plain node." },
      isEphemeral: { type: "boolean", description: "The store forgets everything when the process ends." },
      starts: {
        type: "array",
        maxItems: storeStartsMax + 1,
        items: identifier,
        description: "Ids of the store's starts, the newest first.",
      },
      mark: { ...identifier, type: ["string", "null"], description: "Mark of a registry that was put back." },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("It was known.", { $ref: "NodeAssignments#" }),
    201: jsonAnswer("It is new.", { $ref: "NodeAssignments#" }),
    409: problemAnswer(
      "NODE_CONFLICT, CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, REGISTRY_CONFLICT. STORE_NOT_RECOGNIZED: the store is not " +
        "the one that the registry knows. REGISTRY_PUT_BACK: register again, with the problem's `mark`.",
    ),
  },
};

export const removeSchema = {
  operationId: "removeNode",
  summary: "Forget a storage node",
  description:
    "Its shards lose their owner. Unless `force` is true, it is refused while the node is live or owns shards that it does not report as empty.",
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
    409: problemAnswer("ASSIGNMENT_WOULD_HIDE_DATA, EPOCH_CONFLICT, REGISTRY_CONFLICT."),
  },
};

export const acceptLossSchema = {
  operationId: "acceptNodeLoss",
  summary: "Accept that a storage node's data are lost",
  description:
    "For a storage node that was refused with STORE_NOT_RECOGNIZED, or that a registry that was put back waits for. Its " +
    "next start is acknowledged with whatever it has; what it had before is given up.",
  tags: ["cluster"],
  params,
  response: {
    ...commonProblems,
    200: jsonAnswer("The loss is accepted.", {
      type: "object",
      required: ["id"],
      properties: { id: { type: "string", maxLength: nameCharactersMax } },
    }),
    400: problemAnswer("BAD_REQUEST: the storage node has lost nothing."),
    404: unknownNode,
    409: problemAnswer("REGISTRY_CONFLICT."),
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
      exhausted: {
        type: "array",
        maxItems: shardCountMax,
        description: "Shards whose versions of this epoch run out: they need a new epoch.",
        items: {
          type: "object",
          required: ["shardId", "epoch"],
          properties: { shardId: { type: "integer", minimum: 0 }, epoch: { type: "integer", minimum: 0 } },
        },
      },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("What the node has to know.", { $ref: "NodeAssignments#" }),
    404: problemAnswer("NODE_NOT_FOUND: register, once for each start of the gateway."),
    409: problemAnswer(
      "NODE_CONFLICT: another process has taken over the id. REGISTRY_PUT_BACK: register again, with the problem's `mark`.",
    ),
  },
};
