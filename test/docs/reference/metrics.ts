/** docs/reference/metrics.md: names, kinds and meanings as the processes give them. */
import { Metrics } from "../../../src/gateway/metrics/gateway-metrics.js";
import { NodeMetrics } from "../../../src/storage-node/node-metrics.js";
import { table, type Regions } from "./page.js";

export async function metricRegions(): Promise<Regions> {
  return {
    gateway: metricTable(await new Metrics().text()),
    node: metricTable(await new NodeMetrics().text(figures)),
  };
}

const figures = {
  requestsInFlight: 0,
  queuedWrites: 0,
  hostedShards: 0,
  isDraining: false,
  isAcknowledged: true,
  entries: 0,
  entryBytes: 0,
  fileBytes: 0,
};

/** A metric without its first event shows no labels; test/end-to-end/metrics.test.ts compares these with a live cluster. */
const labels: Readonly<Record<string, string>> = {
  shardgate_requests_total: "route, method, status",
  shardgate_request_seconds: "route",
  shardgate_requests_refused_total: "reason",
  shardgate_errors_total: "code",
  shardgate_operations_refused_total: "code",
  shardgate_waits_ended_total: "end",
  shardgate_node_batches_total: "node",
  shardgate_node_batches_in_flight: "node",
  shardgate_node_operations_total: "node",
  shardgate_node_batch_operations: "node",
  shardgate_node_batch_wait_seconds: "node",
  shardgate_node_batch_service_seconds: "node",
  shardgate_node_failures_total: "node, reason",
  shardgate_node_retries_total: "node",
  shardgate_node_unsent_operations_total: "node, reason",
  shardgate_node_queued_operations: "node",
  shardgate_node_breaker_state: "node",
  shardgate_shards: "state",
  shardgate_storage_nodes: "state",
  shardgate_storage_requests_total: "route, method, status",
  shardgate_storage_request_seconds: "route",
  shardgate_storage_engine_failures_total: "call",
};

function metricTable(text: string): string {
  const described = [...text.matchAll(/^# HELP (shardgate_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)];
  const rows = described.map(([, name = "", help = "", kind = ""]) => [`\`${name}\``, kind, labels[name] ?? "", help]);
  return table(["metric", "kind", "labels", "meaning"], rows);
}
