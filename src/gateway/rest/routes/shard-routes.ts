/** `/shards`: lists which storage node holds which shard, and assigns shards. */
import type { FastifyInstance } from "fastify";
import { shardCountMax } from "../../../core/limits.js";
import type { ShardState } from "../../../core/shard.js";
import type { ShardRecord } from "../../../registry/cluster-map.js";
import type { GuardedMembership } from "../../guard/guarded-membership.js";
import { bodyProblems, commonProblems, jsonAnswer, nodeIdSchema, problemAnswer } from "../schemas/schemas.js";

/** The assignment of a shard to a storage node, in the form of the REST API. */
interface ShardRow {
  readonly shardId: number;
  readonly nodeId: string | null;
  readonly isPrimary: boolean;
  readonly epoch: number;
  readonly lineage: number;
  readonly state: ShardState;
}

interface AssignBody {
  shardId: number;
  nodeId: string;
  isPrimary: boolean;
  ifEpoch?: number | null;
  force: boolean;
}

export function addShardRoutes(app: FastifyInstance): void {
  app.get("/shards", { schema: listSchema }, async ({ services: { membership } }) => {
    const { shardCount, version, shards } = membership.map;
    return { shardCount, version, shards: shards.map((record) => rowOf(record, membership)) };
  });

  app.post<{ Body: AssignBody }>(
    "/shards/assign",
    { schema: assignSchema },
    async ({ body, services: { membership } }) => {
      const record = await membership.assign({
        shard: body.shardId,
        node: body.nodeId,
        isPrimary: body.isPrimary,
        ifEpoch: body.ifEpoch ?? null,
        isForced: body.force,
      });
      return rowOf(record, membership);
    },
  );
}

function rowOf({ shard, primary, epoch, lineage }: ShardRecord, membership: GuardedMembership): ShardRow {
  const state = membership.shardState(shard);
  return { shardId: shard, nodeId: primary, isPrimary: primary !== null, epoch, lineage, state };
}

const listSchema = {
  operationId: "listShards",
  summary: "List the shards and their storage nodes",
  description: "One row per assignment, in shard order. A shard without an owner has a row whose `nodeId` is null.",
  tags: ["cluster"],
  response: {
    ...commonProblems,
    200: jsonAnswer("The cluster map.", {
      type: "object",
      required: ["shardCount", "version", "shards"],
      properties: {
        shardCount: { type: "integer", minimum: 1, maximum: shardCountMax },
        version: { type: "integer", description: "Version of the cluster map; grows with every change." },
        shards: { type: "array", items: { $ref: "ShardRow#" } },
      },
    }),
  },
};

const assignSchema = {
  operationId: "assignShard",
  summary: "Assign a shard to a storage node",
  description:
    "Unless `force` is true, the current owner must report the shard as empty, and the storage node must have no entries of it.",
  tags: ["cluster"],
  body: {
    type: "object",
    required: ["shardId", "nodeId"],
    properties: {
      shardId: { type: "integer", minimum: 0, description: "The shard." },
      nodeId: nodeIdSchema,
      isPrimary: { type: "boolean", default: true, description: "Must be true: replicas are not supported yet." },
      ifEpoch: { type: ["integer", "null"], minimum: 0, description: "Assign only if the shard is at this epoch." },
      force: { type: "boolean", default: false, description: "Assign even if that hides data." },
    },
  },
  response: {
    ...bodyProblems,
    200: jsonAnswer("The shard after the change.", { $ref: "ShardRow#" }),
    404: problemAnswer("SHARD_NOT_FOUND, NODE_NOT_FOUND."),
    409: problemAnswer("ASSIGNMENT_WOULD_HIDE_DATA, EPOCH_CONFLICT, REGISTRY_CONFLICT, REGISTRY_PUT_BACK."),
    501: problemAnswer(
      "NOT_SUPPORTED: replicas are not supported yet, or a plain storage node cannot report its entries.",
    ),
  },
};
