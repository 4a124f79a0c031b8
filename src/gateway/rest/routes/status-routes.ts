/** For machines that watch the gateway: is it alive, can it serve, what has it counted, and which routes are there. */
import type { FastifyInstance } from "fastify";
import { ShardgateError } from "../../../core/error.js";
import { missingShardsShown } from "../../../core/limits.js";
import { gatewayProtocol } from "../../../wire/paths.js";
import { problemOf } from "../../../wire/problem.js";
import type { GuardedMembership } from "../../guard/guarded-membership.js";
import { clusterFigures, missingShards, missingText, type Readiness } from "../../cluster/health.js";
import type { GatewayServices } from "../../services.js";
import { problemHeaders } from "../../problem-answer.js";
import { openRoute } from "../request-caller.js";
import { commonProblems, jsonAnswer, problemAnswer } from "../schemas/schemas.js";

export function addStatusRoutes(
  app: FastifyInstance,
  { metrics, metricsOfAll }: Pick<GatewayServices, "metrics" | "metricsOfAll">,
): void {
  app.get("/health", { schema: healthSchema, config: openRoute }, async () => health);

  app.get("/ready", { schema: readySchema, config: openRoute }, async ({ services: { membership } }, reply) => {
    const { status, problems } = membership.readiness();
    if (status !== "unavailable") return membership.isVisible ? { status, problems } : { status };
    // Not thrown: probes come every second or so, and each answer would be a line in the log.
    const problem = notReady(membership, problems);
    return reply.code(503).headers(problemHeaders(problem)).send(problemOf(problem));
  });

  app.get("/metrics", { schema: metricsSchema }, async ({ services: { membership } }, reply) => {
    // First of all, because it throws for those who may not look at the cluster.
    metrics.clusterSeen(clusterFigures(membership));
    return reply.type(metrics.contentType).send(await (metricsOfAll ?? (() => metrics.text()))());
  });

  app.get("/openapi.json", { schema: openApiSchema, config: openRoute }, async () => app.swagger());
}

const health = { status: "ok", protocol: gatewayProtocol };

/** Which shards are missing is told to those who may look at the cluster. */
function notReady(membership: GuardedMembership, problems: Readiness["problems"]): ShardgateError {
  if (!membership.isVisible) {
    return new ShardgateError("SHARD_UNAVAILABLE", "No shard has a live storage node.");
  }
  const missing = missingShards(membership);
  const text = missingText(missing, membership.map.shardCount, missingShardsShown);
  return new ShardgateError("SHARD_UNAVAILABLE", text, { missing, problems });
}

const healthSchema = {
  operationId: "getHealth",
  summary: "Is the gateway alive?",
  tags: ["status"],
  response: {
    ...commonProblems,
    200: jsonAnswer("It is.", {
      type: "object",
      required: ["status", "protocol"],
      properties: {
        status: { type: "string", enum: ["ok"] },
        protocol: { type: "string", enum: [gatewayProtocol], description: "Tells a gateway from a storage node." },
      },
    }),
  },
};

const readySchema = {
  operationId: "getReadiness",
  summary: "Can keys be served?",
  description:
    "`ready` when every shard has a live primary and no storage node has a problem, `degraded` when some shards are served.",
  tags: ["status"],
  response: {
    ...commonProblems,
    200: jsonAnswer("Shards are served; not all of them when `degraded`.", {
      type: "object",
      required: ["status"],
      properties: {
        status: { type: "string", enum: ["ready", "degraded"] },
        problems: {
          type: "array",
          description: "What keeps shards from being served, for callers who may look at the cluster.",
          items: {
            type: "object",
            required: ["node", "store", "shards", "code", "message", "advice"],
            properties: {
              node: { type: ["string", "null"], description: "Null: the shards have no storage node." },
              store: { type: ["string", "null"], description: "Id of the storage node's store, as far as known." },
              shards: { type: "array", items: { type: "integer" } },
              code: { type: "string" },
              message: { type: "string" },
              advice: { type: "string", description: "What to do." },
            },
          },
        },
      },
    }),
    503: problemAnswer(
      "SHARD_UNAVAILABLE: no shard is served, because no storage node is live and of this cluster. For callers who may " +
        "look at the cluster, `missing` lists the shards, and `problems` says what keeps them from being served. DRAINING: " +
        "the gateway is stopping.",
    ),
  },
};

const metricsSchema = {
  operationId: "getMetrics",
  summary: "What the gateway has counted, for Prometheus",
  tags: ["status"],
  response: {
    ...commonProblems,
    200: { description: "Prometheus text format.", content: { "text/plain": { schema: { type: "string" } } } },
  },
};

const openApiSchema = {
  operationId: "getOpenApi",
  summary: "This document",
  tags: ["status"],
  response: { ...commonProblems, 200: jsonAnswer("OpenAPI 3.1.", { type: "object", additionalProperties: true }) },
};
