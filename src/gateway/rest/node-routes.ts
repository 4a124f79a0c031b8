/** `/nodes`: the storage nodes of the cluster; where they register, say that they live, and are removed. */
import type { FastifyInstance } from "fastify";
import { shardsOfNode } from "../../registry/commands.js";
import { parseNodeName } from "../../registry/node-name.js";
import type { Heartbeat, NodeRegistration } from "../../wire/membership.js";
import type { GuardedMembership } from "../access/guarded-membership.js";
import { heartbeatSchema, listSchema, registerSchema, removeSchema } from "./node-schemas.js";

interface NodeRow {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  /** RFC 3339; null when this gateway never heard of it. */
  readonly lastSeenAt: string | null;
  readonly latencyMs: number | null;
  readonly shards: readonly number[];
}

export function addNodeRoutes(app: FastifyInstance): void {
  app.get("/nodes", { schema: listSchema }, async ({ services }) => ({ nodes: nodeRows(services.membership) }));

  app.post<{ Body: NodeRegistration }>("/nodes", { schema: registerSchema }, async ({ body, services }, reply) => {
    const { assignments, isNew } = await services.membership.register(body);
    return reply.code(isNew ? 201 : 200).send(assignments);
  });

  app.delete<{ Params: { id: string }; Querystring: { force?: string } }>(
    "/nodes/:id",
    { schema: removeSchema },
    async ({ params, query, services: { membership } }) => ({
      id: params.id,
      unassignedShards: await membership.remove(params.id, query.force === "true"),
    }),
  );

  app.post<{ Params: { id: string }; Body: Heartbeat | null | undefined }>(
    "/nodes/:id/heartbeat",
    { schema: heartbeatSchema },
    async ({ params, body, services: { membership } }) => membership.heartbeat(parseNodeName(params.id), body ?? {}),
  );
}

function nodeRows(membership: GuardedMembership): readonly NodeRow[] {
  const { map } = membership;
  return [...map.nodes.values()].map(({ name, url }) => {
    const { state, lastSeenAtMs, latencyMs } = membership.nodeStatus(name);
    const lastSeenAt = lastSeenAtMs === null ? null : new Date(lastSeenAtMs).toISOString();
    return { id: name, url, state, lastSeenAt, latencyMs, shards: shardsOfNode(map, name).map(({ shard }) => shard) };
  });
}
