/**
 * `/nodes`: lists, registers and removes storage nodes, drains them, receives their heartbeats, and accepts losses of their
 * data.
 */
import type { FastifyInstance } from "fastify";
import { membershipBodyBytesMax } from "../../../core/limits.js";
import { parseNodeName } from "../../../registry/node-name.js";
import { ownedShards } from "../../../routing/owned-shards.js";
import type { Heartbeat, NodeRegistration } from "../../../wire/membership.js";
import type { GuardedMembership } from "../../guard/guarded-membership.js";
import type { RequestServices } from "../../guard/request-services.js";
import type { NodeReport } from "../../cluster/node-reports.js";
import {
  acceptLossSchema,
  drainSchema,
  heartbeatSchema,
  listSchema,
  registerSchema,
  removeSchema,
  undrainSchema,
} from "../schemas/node-schemas.js";

interface NodeRow extends NodeReport {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  /** RFC 3339; null when this gateway has never heard from the node. */
  readonly lastSeenAt: string | null;
  readonly latencyMs: number | null;
  readonly shards: readonly number[];
  readonly storeId: string | null;
  readonly isStoreShared: boolean;
  readonly isDraining: boolean;
}

export function addNodeRoutes(app: FastifyInstance): void {
  app.get("/nodes", { schema: listSchema }, async ({ services }) => ({ nodes: nodeRows(services.membership) }));

  app.post<{ Body: NodeRegistration }>(
    "/nodes",
    { schema: registerSchema, config: { bodyBytesMax: membershipBodyBytesMax } },
    async ({ body, services }, reply) => {
      const { assignments, isNew } = await services.membership.register(body);
      return reply.code(isNew ? 201 : 200).send(assignments);
    },
  );

  app.delete<{ Params: { id: string }; Querystring: { force?: string } }>(
    "/nodes/:id",
    { schema: removeSchema },
    async ({ params, query, services: { membership } }) => ({
      id: params.id,
      unassignedShards: await membership.remove(params.id, query.force === "true"),
    }),
  );

  app.post<{ Params: { id: string } }>(
    "/nodes/:id/accept-loss",
    { schema: acceptLossSchema },
    async ({ params: { id }, services: { membership } }) => {
      await membership.acceptLoss(id);
      return { id };
    },
  );

  const drain = async (id: string, isUndone: boolean, { membership }: RequestServices): Promise<object> => {
    const shards = await membership.drain(id, isUndone);
    return { id, isDraining: !isUndone, shards };
  };
  app.post<{ Params: { id: string } }>("/nodes/:id/drain", { schema: drainSchema }, ({ params, services }) =>
    drain(params.id, false, services),
  );
  app.delete<{ Params: { id: string } }>("/nodes/:id/drain", { schema: undrainSchema }, ({ params, services }) =>
    drain(params.id, true, services),
  );

  app.post<{ Params: { id: string }; Body: Heartbeat | null | undefined }>(
    "/nodes/:id/heartbeat",
    { schema: heartbeatSchema },
    async ({ params, body, services: { membership } }) => membership.heartbeat(parseNodeName(params.id), body ?? {}),
  );
}

function nodeRows(membership: GuardedMembership): readonly NodeRow[] {
  const { map } = membership;
  return [...map.nodes.values()].map(({ name, url, storeId, isStoreShared, isDraining }) => {
    const { lastSeenAtMs, ...status } = membership.nodeStatus(name);
    const lastSeenAt = lastSeenAtMs === null ? null : new Date(lastSeenAtMs).toISOString();
    const shards = ownedShards(map, name).map(({ shard }) => shard);
    return { id: name, url, storeId, isStoreShared, isDraining, lastSeenAt, shards, ...status };
  });
}
