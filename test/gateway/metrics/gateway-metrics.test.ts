import { describe, expect, it } from "vitest";
import { Metrics } from "../../../src/gateway/metrics/gateway-metrics.js";

describe("Metrics", () => {
  it("adds up the events of routing, by storage node", async () => {
    const metrics = new Metrics();
    metrics.batchSent({ node: "node1", operations: 3, bytes: 10, waitMs: 2 });
    metrics.batchSent({ node: "node2", operations: 4, bytes: 10, waitMs: 0 });
    metrics.batchAnswered({ node: "node1", operations: 3, serviceMs: 4 });
    metrics.batchFailed({ node: "node2", reason: "timeout" });
    metrics.retried({ node: "node2", operations: 4 });
    metrics.breakerChanged({ node: "node2", state: "open" });
    metrics.queueDepth({ node: "node1", operations: 9 });
    expect(await metrics.total("shardgate_node_batches_total")).toBe(2);
    expect(await metrics.total("shardgate_node_operations_total")).toBe(7);
    expect(await metrics.total("shardgate_node_operations_total", { node: "node2" })).toBe(4);
    expect(await metrics.total("shardgate_node_failures_total", { node: "node2", reason: "timeout" })).toBe(1);
    expect(await metrics.total("shardgate_node_failures_total", { node: "node1" })).toBe(0);
    expect(await metrics.total("shardgate_node_retries_total")).toBe(4);
    expect(await metrics.total("shardgate_node_breaker_state", { node: "node2" })).toBe(2);
    expect(await metrics.total("shardgate_node_queued_operations")).toBe(9);
    const text = await metrics.text();
    expect(text).toContain('shardgate_node_batch_wait_seconds_sum{node="node1"} 0.002');
    expect(text).toContain('shardgate_node_batch_service_seconds_sum{node="node1"} 0.004');
    expect(text).toContain('shardgate_node_batch_operations_bucket{le="5",node="node1"} 1');
  });

  it("counts batches in flight up and down", async () => {
    const metrics = new Metrics();
    const inFlight = () => metrics.total("shardgate_node_batches_in_flight", { node: "node1" });
    const sent = { node: "node1", operations: 1, bytes: 0, waitMs: 0 };
    metrics.batchSent(sent);
    metrics.batchSent(sent);
    expect(await inFlight()).toBe(2);
    metrics.batchAnswered({ node: "node1", operations: 1, serviceMs: 1 });
    metrics.batchFailed({ node: "node1", reason: "timeout" });
    expect(await inFlight()).toBe(0);
  });

  it("counts operations that wait for a takeover, and how their waits ended", async () => {
    const metrics = new Metrics();
    metrics.waiting({ operations: 7 });
    metrics.waitEnded({ end: "answered", operations: 3 });
    metrics.waitEnded({ end: "deadline", operations: 2 });
    metrics.waiting({ operations: 2 });
    expect(await metrics.total("shardgate_waiting_operations")).toBe(2);
    expect(await metrics.total("shardgate_waits_ended_total", { end: "answered" })).toBe(3);
    expect(await metrics.total("shardgate_waits_ended_total")).toBe(5);
  });

  it("counts requests in flight, errors by code, and operations that were not sent or failed", async () => {
    const metrics = new Metrics();
    metrics.requestBegan();
    metrics.requestBegan();
    metrics.requestEnded();
    expect(await metrics.text()).toContain("shardgate_requests_in_flight 1");
    metrics.errorTold("TOO_MANY_KEYS");
    metrics.unsent({ node: "node1", reason: "breakerOpen", operations: 4 });
    metrics.refused({ code: "SHARD_UNAVAILABLE", operations: 3 });
    expect(await metrics.total("shardgate_errors_total", { code: "TOO_MANY_KEYS" })).toBe(1);
    expect(await metrics.total("shardgate_node_unsent_operations_total", { reason: "breakerOpen" })).toBe(4);
    expect(await metrics.total("shardgate_operations_refused_total", { code: "SHARD_UNAVAILABLE" })).toBe(3);
  });

  it("sets gauges for a breaker and a queue in both directions", async () => {
    const metrics = new Metrics();
    for (const [state, value] of [
      ["open", 2],
      ["halfOpen", 1],
      ["closed", 0],
    ] as const) {
      metrics.breakerChanged({ node: "node1", state });
      expect(await metrics.total("shardgate_node_breaker_state")).toBe(value);
    }
  });

  it("counts requests by route, method and status", async () => {
    const metrics = new Metrics();
    metrics.requestAnswered({ route: "/graphql", method: "POST", status: 200, durationMs: 12 });
    metrics.requestAnswered({ route: "/graphql", method: "POST", status: 400, durationMs: 1 });
    expect(await metrics.total("shardgate_requests_total", { route: "/graphql" })).toBe(2);
    expect(await metrics.total("shardgate_requests_total", { status: 400 })).toBe(1);
    expect(await metrics.text()).toContain('shardgate_request_seconds_sum{route="/graphql"} 0.013');
  });

  it("shares nothing with other instances in the process", async () => {
    const metrics = new Metrics();
    const nodes = { UP: 2 };
    const standing = { isLeading: false, isLeaderReachable: true, isRegistryReachable: false };
    metrics.clusterSeen({
      ...standing,
      mapVersion: 7,
      shards: { ACTIVE: 3, UNAVAILABLE: 1 },
      nodes,
      nodesWithProblem: 1,
    });
    expect(await metrics.total("shardgate_leading")).toBe(0);
    expect(await metrics.total("shardgate_leader_reachable")).toBe(1);
    expect(await metrics.total("shardgate_registry_reachable")).toBe(0);
    expect(await metrics.total("shardgate_storage_nodes_with_problem")).toBe(1);
    expect(await metrics.total("shardgate_cluster_map_version")).toBe(7);
    expect(await metrics.total("shardgate_storage_nodes", { state: "UP" })).toBe(2);
    expect(await metrics.total("shardgate_shards", { state: "ACTIVE" })).toBe(3);
    expect(await new Metrics().total("shardgate_shards", { state: "ACTIVE" })).toBe(0);
  });

  it("throws for a metric that does not exist", async () => {
    await expect(new Metrics().total("shardgate_typo")).rejects.toThrow("There is no metric shardgate_typo.");
  });
});
