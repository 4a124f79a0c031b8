/** Routes for monitoring: health, readiness, metrics and the OpenAPI document. */
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
    if (status !== "unavailable") {
      if (!membership.isVisible) return { status };
      const { isLeading, leader, isRegistryReachable } = membership.standing;
      return { status, problems, isLeading, leader, isRegistryReachable };
    }
    // Not thrown: probes arrive every second or so, and each answer would be logged.
    const problem = notReady(membership, problems);
    return reply.code(503).headers(problemHeaders(problem)).send(problemOf(problem));
  });

  app.get("/metrics", { schema: metricsSchema }, async ({ services: { membership } }, reply) => {
    // Comes first, because it throws for callers who may not read cluster data.
    metrics.clusterSeen(clusterFigures(membership));
    return reply.type(metrics.contentType).send(await (metricsOfAll ?? (() => metrics.text()))());
  });

  app.get("/openapi.json", { schema: openApiSchema, config: openRoute }, async () => app.swagger());
}

const health = { status: "ok", protocol: gatewayProtocol };

/** Names the missing shards only to callers who may read cluster data. */
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
  summary: "Check that the gateway is alive",
  tags: ["status"],
  response: {
    ...commonProblems,
    200: jsonAnswer("The gateway is alive.", {
      type: "object",
      required: ["status", "protocol"],
      properties: {
        status: { type: "string", enum: ["ok"] },
        protocol: {
          type: "string",
          enum: [gatewayProtocol],
          description: "Identifies the process as a gateway, not a storage node.",
        },
      },
    }),
  },
};

const readySchema = {
  operationId: "getReadiness",
  summary: "Check that keys can be served",
  description:
    "`ready` when every shard has a live primary and no storage node has a problem, `degraded` when some shards are served.",
  tags: ["status"],
  response: {
    ...commonProblems,
    200: jsonAnswer("Shards are served; only some of them when `degraded`.", {
      type: "object",
      required: ["status"],
      properties: {
        status: { type: "string", enum: ["ready", "degraded"] },
        problems: {
          type: "array",
          description: "Why shards are not served, for callers who may read cluster data.",
          items: {
            type: "object",
            required: ["node", "store", "shards", "code", "message", "advice"],
            properties: {
              node: { type: ["string", "null"], description: "Null when the shards have no storage node." },
              store: { type: ["string", "null"], description: "Id of the storage node's store; null when unknown." },
              shards: { type: "array", items: { type: "integer" } },
              code: { type: "string" },
              message: { type: "string" },
              advice: { type: "string", description: "What to do." },
            },
          },
        },
        isLeading: { type: "boolean", description: "Whether this gateway leads the cluster." },
        leader: {
          type: ["object", "null"],
          description:
            "The gateway that leads the cluster; null while none does, or this one is not in touch with it. Requests for keys " +
            "do not need it; changes of the cluster wait for it.",
          required: ["name", "url"],
          properties: { name: { type: ["string", "null"] }, url: { type: ["string", "null"] } },
        },
        isRegistryReachable: {
          type: "boolean",
          description: "Whether the gateway's last access to the registry succeeded. Requests for keys do not need it.",
        },
      },
    }),
    503: problemAnswer(
      "SHARD_UNAVAILABLE: no shard is served, because no storage node is live and of this cluster. For callers who may " +
        "read cluster data, `missing` lists the shards, and `problems` says why they are not served. DRAINING: " +
        "the gateway is shutting down.",
    ),
  },
};

const metricsSchema = {
  operationId: "getMetrics",
  summary: "Metrics of the gateway",
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
