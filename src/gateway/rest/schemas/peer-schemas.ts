/** The schemas of `/gateways`, for `/openapi.json` and for fastify's validation. */
import { incarnationCharactersMax, shardCountMax, storageNodesMax, urlCharactersMax } from "../../../core/limits.js";
import { gatewayNameCharactersMax, type LeaderCommand } from "../../../wire/gateway-peers.js";
import { heartbeatSchema, registerSchema } from "./node-schemas.js";
import { bodyProblems, commonProblems, jsonAnswer, nodeIdSchema, problemAnswer, type Schema } from "./schemas.js";

const mapVersion = { type: "integer", minimum: 0, description: "Version of the cluster map that the gateway uses." };

export const listSchema = {
  operationId: "listGateways",
  summary: "List the gateways",
  tags: ["cluster"],
  response: {
    ...commonProblems,
    200: jsonAnswer("The gateways that the leader has seen lately, the leader first.", {
      type: "object",
      required: ["gateways"],
      properties: {
        gateways: {
          type: "array",
          items: {
            type: "object",
            required: ["name", "url", "isLeader", "mapVersion", "lastSeenAt"],
            properties: {
              name: { type: ["string", "null"] },
              url: { type: ["string", "null"], description: "Where it answers; null when it does not say." },
              isLeader: { type: "boolean", description: "Whether it is the one that changes the cluster map." },
              mapVersion,
              lastSeenAt: {
                type: "string",
                format: "date-time",
                description: "When the leader last received its beat.",
              },
            },
          },
        },
      },
    }),
  },
};

const nodeNames = { type: "array", maxItems: storageNodesMax, items: nodeIdSchema };

export const beatSchema = {
  operationId: "beatGateway",
  summary: "Send a gateway's beat to the leader",
  description: "For gateways of the cluster, which prove themselves with its secret.",
  tags: ["cluster"],
  params: {
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", maxLength: gatewayNameCharactersMax, description: "Name of the gateway that sends it." },
    },
  },
  body: {
    type: "object",
    required: ["url", "mapVersion", "leaderId", "seen", "refused"],
    properties: {
      url: { type: ["string", "null"], maxLength: urlCharactersMax, description: "Where the gateway answers." },
      mapVersion,
      leaderId: { type: ["string", "null"], maxLength: incarnationCharactersMax, description: "Whom it follows." },
      seen: {
        type: "array",
        maxItems: storageNodesMax,
        description:
          "A row for each storage node that the last answer doubted: its name, and the milliseconds since the gateway saw it, or null.",
        items: { type: "array", minItems: 2, maxItems: 2 },
      },
      refused: { ...nodeNames, description: "Storage nodes that refused a connection since the last beat." },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("What the gateway has to know.", {
      type: "object",
      required: ["leaderId", "mapVersion", "gateways", "signs", "reports", "doubted"],
      additionalProperties: true,
    }),
    409: problemAnswer("REGISTRY_CONFLICT: this gateway does not lead, or not under that id."),
  },
};

const shardId = { type: "integer", minimum: 0, maximum: shardCountMax - 1 };
const name = nodeIdSchema;

const bodies: Readonly<Record<LeaderCommand, Schema>> = {
  register: registerSchema.body,
  heartbeat: required({ name, heartbeat: { ...heartbeatSchema.body, type: "object" } }),
  remove: required({ name, isForced: { type: "boolean" } }),
  assign: required({
    shard: shardId,
    node: name,
    isPrimary: { type: "boolean" },
    ifEpoch: { type: ["integer", "null"], minimum: 0 },
    isForced: { type: "boolean" },
  }),
  acceptLoss: required({ name }),
  drain: required({ name, isUndone: { type: "boolean" } }),
  histories: required({ shards: { type: "array", maxItems: shardCountMax, items: shardId } }),
  refresh: required({ node: name }),
};

/** The same for each command of ClusterCommands, except for its body. */
export function commandSchema(command: LeaderCommand): Schema {
  return {
    operationId: `lead${command.charAt(0).toUpperCase()}${command.slice(1)}`,
    summary: `Pass \`${command}\` on to the leader`,
    description: "For gateways of the cluster, which prove themselves with its secret.",
    tags: ["cluster"],
    body: bodies[command],
    response: {
      ...bodyProblems,
      200: jsonAnswer("The leader did it.", { type: "object", additionalProperties: true }),
      404: problemAnswer("NODE_NOT_FOUND, SHARD_NOT_FOUND."),
      409: problemAnswer("REGISTRY_CONFLICT: this gateway does not lead. Otherwise as the route for clients says."),
    },
  };
}

function required(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", required: Object.keys(properties), properties };
}
