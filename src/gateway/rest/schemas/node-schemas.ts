/** The schemas of `/nodes`, for `/openapi.json` and for fastify's validation. */
import {
  incarnationCharactersMax,
  mapVersionMax,
  nameCharactersMax,
  shardCountMax,
  storeStartsMax,
} from "../../../core/limits.js";
import { bodyProblems, commonProblems, jsonAnswer, nodeIdSchema, nodeUrlSchema, problemAnswer } from "./schemas.js";

const incarnation = {
  type: "string",
  maxLength: incarnationCharactersMax,
  description: "Id of this start of the storage node; it generates a new one at each start.",
};

const identifier = { type: "string", maxLength: incarnationCharactersMax };
const nodeRowFields = ["id", "url", "state", "lastSeenAt", "latencyMs", "shards", "storeId"].concat([
  "isStoreShared",
  "isDraining",
  "problem",
  "staleShards",
]);
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
              latencyMs: { type: ["number", "null"], description: "Latency of recent batches; null before the first." },
              shards: { ...shardNumbers, description: "The shards it is the primary of." },
              storeId: { type: ["string", "null"], description: "Id of its store; null on a plain storage node." },
              isStoreShared: { type: "boolean", description: "Whether several storage nodes share that store." },
              isDraining: {
                type: "boolean",
                description: "Whether an operator drains it: it gives its shards away, and is given none.",
              },
              problem: {
                type: ["object", "null"],
                description: "Why it may not serve its shards; null when its last registration was accepted.",
                required: ["code", "message", "advice", "shards", "storeId"],
                properties: {
                  code: { type: "string" },
                  message: { type: "string" },
                  advice: { type: "string", description: "What to do." },
                  shards: { ...shardNumbers, description: "The shards that cannot be served." },
                  storeId: { type: ["string", "null"], description: "Id of the store that it registered with." },
                },
              },
              staleShards: {
                ...shardNumbers,
                description:
                  "Shards that another node owns, but of which this node still has entries. Clients do not see these entries.",
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
  summary: "Register a storage node",
  description: "A plain storage node, which has only the three plain routes, is registered with `id` and `url` alone.",
  tags: ["cluster"],
  body: {
    type: "object",
    required: ["id", "url"],
    properties: {
      id: nodeIdSchema,
      url: nodeUrlSchema,
      clusterId: { type: ["string", "null"], description: "The cluster whose data the node keeps." },
      shardCount: { type: ["integer", "null"], minimum: 1, description: "Number of shards of that cluster." },
      mapVersion: {
        type: ["integer", "null"],
        minimum: 0,
        maximum: mapVersionMax,
        description: "Version of the cluster map that the node last received.",
      },
      shards: {
        type: "array",
        maxItems: shardCountMax,
        items: { $ref: "HostedShard#" },
        description: "All shards that the node has claimed or has data of.",
      },
      incarnation,
      storeId: { ...identifier, description: "Id of the node's store. Absent: a plain node." },
      isEphemeral: { type: "boolean", description: "Whether the store loses its data when the process ends." },
      isStoreShared: {
        type: "boolean",
        description: "Whether several storage nodes serve the store, so that each may own any of its shards.",
      },
      starts: {
        type: "array",
        maxItems: storeStartsMax + 1,
        items: identifier,
        description: "Ids of the store's starts, newest first.",
      },
      mark: {
        ...identifier,
        type: ["string", "null"],
        description: "Mark of a restored registry, from a REGISTRY_PUT_BACK problem.",
      },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("The storage node was registered already.", { $ref: "NodeAssignments#" }),
    201: jsonAnswer("The storage node is new.", { $ref: "NodeAssignments#" }),
    409: problemAnswer(
      "NODE_CONFLICT, CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, REGISTRY_CONFLICT. STORE_NOT_RECOGNIZED: the store is not " +
        "the one that the registry knows. REGISTRY_PUT_BACK: register again, with the problem's `mark`.",
    ),
  },
};

export const removeSchema = {
  operationId: "removeNode",
  summary: "Remove a storage node",
  description:
    "Its shards become unassigned. Unless `force` is true, the request is refused while the node is live or owns shards that it does not report as empty.",
  tags: ["cluster"],
  params,
  querystring: {
    type: "object",
    properties: { force: { type: "string", enum: ["true", "false"], description: "Remove the node even then." } },
  },
  response: {
    ...commonProblems,
    200: jsonAnswer("The storage node was removed.", {
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
    "For a storage node that was refused with STORE_NOT_RECOGNIZED, or that a restored registry waits for. Its " +
    "next registration is accepted with the data that it then has; missing data are lost.",
  tags: ["cluster"],
  params,
  response: {
    ...commonProblems,
    200: jsonAnswer("The loss was accepted.", {
      type: "object",
      required: ["id"],
      properties: { id: { type: "string", maxLength: nameCharactersMax } },
    }),
    400: problemAnswer("BAD_REQUEST: the storage node has lost nothing."),
    404: unknownNode,
    409: problemAnswer("REGISTRY_CONFLICT."),
  },
};

const drained = jsonAnswer("The storage node after the change.", {
  type: "object",
  required: ["id", "isDraining", "shards"],
  properties: {
    id: { type: "string", maxLength: nameCharactersMax },
    isDraining: { type: "boolean" },
    shards: { ...shardNumbers, description: "The shards that it still owns; without any it is safe to stop." },
  },
});

export const drainSchema = {
  operationId: "drainNode",
  summary: "Drain a storage node of a shared store",
  description:
    "Other live storage nodes of the same store take over its shards, without copying data, and it is given no more until " +
    "`DELETE /nodes/{id}/drain`.",
  tags: ["cluster"],
  params,
  response: {
    ...commonProblems,
    200: drained,
    404: unknownNode,
    409: problemAnswer("REGISTRY_CONFLICT."),
    501: problemAnswer("NOT_SUPPORTED: its store is not shared. Export and import move its data."),
    503: problemAnswer(
      "SHARD_UNAVAILABLE: no other storage node of its store is live. OVERLOADED: the gateway is at a limit. " +
        "REGISTRY_UNAVAILABLE: its registry does not answer.",
    ),
  },
};

export const undrainSchema = {
  operationId: "undrainNode",
  summary: "End the draining of a storage node",
  description: "It may be given shards again. Those that it gave away stay where they are.",
  tags: ["cluster"],
  params,
  response: { ...commonProblems, 200: drained, 404: unknownNode, 409: problemAnswer("REGISTRY_CONFLICT.") },
};

export const heartbeatSchema = {
  operationId: "heartbeat",
  summary: "Send a storage node's heartbeat",
  tags: ["cluster"],
  params,
  body: {
    type: ["object", "null"],
    properties: {
      incarnation,
      mapVersion: { type: ["integer", "null"], description: "Version of the assignments that the node has." },
      isLeaving: {
        type: "boolean",
        description: "Whether the node is about to stop: other storage nodes of its shared store take its shards.",
      },
      isStoreLost: {
        type: "boolean",
        description:
          "Whether the node cannot reach its database: storage nodes of its store that do take over its shards.",
      },
      exhausted: {
        type: "array",
        maxItems: shardCountMax,
        description:
          "Shards that need a new epoch: they are running out of versions, or the node's database has failed over.",
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
    200: jsonAnswer("The cluster's id and the node's assignments.", { $ref: "NodeAssignments#" }),
    404: problemAnswer("NODE_NOT_FOUND: register, once for each start of the gateway."),
    409: problemAnswer(
      "NODE_CONFLICT: another process has taken over the id. REGISTRY_PUT_BACK: register again, with the problem's `mark`.",
    ),
  },
};
