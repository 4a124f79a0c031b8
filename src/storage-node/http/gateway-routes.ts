/** The routes of a storage node for its gateway: batches, hosted shards, health, and assignments. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { membershipBodyBytesMax, nodeBatchBodyBytesMax } from "../../core/limits.js";
import type { NodeHealth } from "../../wire/membership.js";
import {
  assignmentsPath,
  batchMediaType,
  batchPath,
  healthPath,
  metricsPath,
  nodeProtocol,
  shardsPath,
} from "../../wire/paths.js";
import type { AnswerBatch } from "../batch-service.js";
import type { NodeGauges, NodeMetrics } from "../node-metrics.js";
import { parseAssignments } from "../../wire/received-assignments.js";
import { bodyOf, callerOf, refuseOtherMethods } from "./request-fields.js";
import type { ShardHost } from "../shards/shard-host.js";

export interface NodeFacts {
  readonly name: string;
  readonly engineName: string;
  readonly answer: AnswerBatch;
  readonly isDraining: () => boolean;
  /** Whether the node registers itself at a gateway. */
  readonly hasAgent: boolean;
  readonly metrics: Pick<NodeMetrics, "contentType">;
  readonly metricsText: () => Promise<string>;
}

export function addNodeRoutes(app: FastifyInstance, host: ShardHost, facts: NodeFacts): void {
  app.post(batchPath, { bodyLimit: nodeBatchBodyBytesMax }, async (request, reply) => {
    return reply.type(batchMediaType).send(await facts.answer(bodyOf(request), callerOf(request)));
  });

  app.get(shardsPath, async () => ({ shards: await host.hostedShards() }));

  app.put(assignmentsPath, { bodyLimit: membershipBodyBytesMax }, async (request, reply) => {
    // These assignments would be premature: the answer to the node's registration may have newer epochs, because the
    // gateway learns only from the registration that the node was restarted.
    if (facts.hasAgent && !host.isAcknowledged) await host.refresh();
    if (facts.hasAgent && !host.isAcknowledged) {
      throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${facts.name} is not registered yet.`);
    }
    await host.applyAssignments(parseAssignments(jsonOf(request)));
    return reply.code(204).send();
  });

  app.get(healthPath, async (_request, reply) => {
    // While the engine fails, the state as last read is good enough.
    await host.refresh().catch(() => {});
    return reply.code(facts.isDraining() ? 503 : 200).send(healthOf(host, facts));
  });

  app.get(metricsPath, async (_request, reply) =>
    reply.type(facts.metrics.contentType).send(await facts.metricsText()),
  );

  refuseOtherMethods(app, batchPath, ["POST"]);
  refuseOtherMethods(app, shardsPath, ["GET", "HEAD"]);
  refuseOtherMethods(app, assignmentsPath, ["PUT"]);
  refuseOtherMethods(app, healthPath, ["GET", "HEAD"]);
  refuseOtherMethods(app, metricsPath, ["GET", "HEAD"]);
}

/** `own`: the figures that only the server and its engine know. */
export async function figuresOf(
  host: ShardHost,
  own: Pick<NodeGauges, "requestsInFlight" | "fileBytes" | "isDraining">,
): Promise<NodeGauges> {
  const all = await host.hostedShards();
  // So that a sum over all storage nodes counts each entry of a shared store once.
  const shards = host.isStoreShared ? all.filter(({ epoch, releasedEpoch = 0 }) => (epoch ?? 0) > releasedEpoch) : all;
  return {
    ...own,
    queuedWrites: host.queuedWrites,
    hostedShards: host.hostedCount,
    isAcknowledged: host.isAcknowledged,
    entries: shards.reduce((sum, { keyCount }) => sum + keyCount, 0),
    entryBytes: shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function healthOf(host: ShardHost, { name, engineName, isDraining, hasAgent }: NodeFacts): NodeHealth {
  const { clusterId, storeId } = host.document;
  return {
    status: isDraining() ? "draining" : "ok",
    protocol: nodeProtocol,
    engine: engineName,
    id: name,
    capabilities: ["batch", "scan", "ttl", "conditions", "frames"],
    clusterId,
    storeId,
    isAcknowledged: hasAgent && host.isAcknowledged,
  };
}

function jsonOf(request: FastifyRequest): unknown {
  try {
    return JSON.parse(bodyOf(request).toString("utf8"));
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", "The request's body is not JSON.", {}, error);
  }
}
