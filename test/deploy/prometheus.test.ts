/** The alerts: each fires where it should, and says what happened. */
import { spawnSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { deployFolder, kitFile } from "../support/deploy-kit.js";
import { temporaryFolder } from "../support/processes.js";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}

const { groups } = parse(kitFile("prometheus/alerts.yml")) as {
  groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

const folder = temporaryFolder();
afterAll(() => folder.remove());
cpSync(path.join(deployFolder, "prometheus"), folder.path, { recursive: true });
// The scrape example names it.
writeFileSync(path.join(folder.path, "token"), "a token");

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

function promtool(context: TestContext, ...args: readonly string[]): string {
  if (!hasPromtool) context.skip("promtool is not installed");
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: folder.path, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

interface Firing {
  /** Name and labels of each series with its values, one a minute, as promtool notes them. */
  readonly series: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
}

const gateway = (metric: string, labels = "", instance = "gateway1:4000"): string =>
  `${metric}{instance="${instance}",job="shardgate-gateway"${labels}}`;
const node = (metric: string, labels = ""): string => `${metric}{instance="node1:4001",job="shardgate-node"${labels}}`;
const [ofGateway, ofNode] = [
  { instance: "gateway1:4000", job: "shardgate-gateway" },
  { instance: "node1:4001", job: "shardgate-node" },
];

/** What is as it should be, over half an hour. */
const healthy: Readonly<Record<string, string>> = {
  [gateway("up")]: "1x30",
  [node("up")]: "1x30",
  [gateway("shardgate_shards", ',state="ACTIVE"')]: "64x30",
  [gateway("shardgate_shards", ',state="UNAVAILABLE"')]: "0x30",
  [gateway("shardgate_storage_nodes", ',state="DOWN"')]: "0x30",
  [gateway("shardgate_storage_nodes_with_problem")]: "0x30",
  [gateway("shardgate_requests_total", ',route="/graphql",method="POST",status="200"')]: "0+600x30",
  [gateway("shardgate_requests_total", ',route="/ready",method="GET",status="503"')]: "0+60x30",
  [gateway("shardgate_request_seconds_bucket", ',route="/graphql",le="0.5"')]: "0+600x30",
  [gateway("shardgate_request_seconds_bucket", ',route="/graphql",le="+Inf"')]: "0+600x30",
  [gateway("shardgate_requests_refused_total", ',reason="requests"')]: "7x30",
  [gateway("shardgate_node_breaker_state", ',node="node1"')]: "0x30",
  [gateway("shardgate_leading")]: "1x30",
  [gateway("shardgate_leading", "", "gateway2:4000")]: "0x30",
  [gateway("shardgate_leader_reachable")]: "1x30",
  [gateway("shardgate_registry_reachable")]: "1x30",
  [gateway("shardgate_cluster_map_version")]: "5+1x30",
  [gateway("shardgate_cluster_map_version", "", "gateway2:4000")]: "4+1x30",
  [node("shardgate_storage_engine_failures_total", ',call="write"')]: "3x30",
  [node("shardgate_storage_acknowledged")]: "1x30",
};

const firing: Readonly<Record<string, Firing>> = {
  ShardgateShardsUnavailable: {
    series: { [gateway("shardgate_shards", ',state="UNAVAILABLE"')]: "21x30" },
    labels: { state: "UNAVAILABLE" },
    summary: "21 shards are UNAVAILABLE: their keys cannot be served.",
  },
  ShardgateStorageNodeRefused: {
    series: { [gateway("shardgate_storage_nodes_with_problem")]: "1x30" },
    summary: "1 storage nodes were refused and serve no shards.",
  },
  ShardgateStorageFailing: {
    series: { [node("shardgate_storage_engine_failures_total", ',call="write"')]: "0+1x30" },
    labels: { instance: "node1:4001", call: "write" },
    summary: "The disk of node1:4001 is full or broken: write fails.",
  },
  ShardgateRequestsFailing: {
    series: { [gateway("shardgate_requests_total", ',route="/data/:key",method="PUT",status="503"')]: "0+60x30" },
    summary: "8.333% of the requests are answered with a 5xx status.",
  },
  ShardgateNoLeader: {
    series: { [gateway("shardgate_leading")]: "0x30" },
    summary: "No gateway leads: requests are served, but nothing is assigned, and no storage node can register.",
  },
  ShardgateSeveralLeaders: {
    series: { [gateway("shardgate_leading", "", "gateway2:4000")]: "1x30" },
    summary: "2 gateways say that they lead. The registry takes changes of one of them only.",
  },
  ShardgateRegistryUnreachable: {
    series: { [gateway("shardgate_registry_reachable")]: "0x30" },
    labels: ofGateway,
    summary: "gateway1:4000 cannot reach the registry. It serves by the cluster map that it has.",
  },
  ShardgateLeaderUnreachable: {
    series: { [gateway("shardgate_leader_reachable")]: "0x30" },
    labels: ofGateway,
    summary: "gateway1:4000 cannot reach the leader. It serves by the cluster map that it has.",
  },
  ShardgateOldClusterMap: {
    series: { [gateway("shardgate_cluster_map_version", "", "gateway2:4000")]: "4x30" },
    labels: { instance: "gateway2:4000", job: "shardgate-gateway" },
    summary: "gateway2:4000 serves by a cluster map that is older than a minute.",
  },
  ShardgateStorageNodeDown: {
    series: { [gateway("shardgate_storage_nodes", ',state="DOWN"')]: "2x30" },
    summary: "2 storage nodes are DOWN.",
  },
  ShardgateStorageNodeUnused: {
    series: { [node("shardgate_storage_acknowledged")]: "0x30" },
    labels: ofNode,
    summary: "node1:4001 runs, but no gateway has accepted its start.",
  },
  ShardgateBreakerOpen: {
    series: { [gateway("shardgate_node_breaker_state", ',node="node1"')]: "2x30" },
    labels: { node: "node1" },
    summary: "A gateway has stopped sending to the storage node node1.",
  },
  ShardgateRequestsRefused: {
    series: { [gateway("shardgate_requests_refused_total", ',reason="requests"')]: "0+5x30" },
    labels: { instance: "gateway1:4000", reason: "requests" },
    summary: "gateway1:4000 refuses requests: requests.",
  },
  ShardgateSlow: {
    series: {
      [gateway("shardgate_request_seconds_bucket", ',route="/graphql",le="2"')]: "0+612x30",
      [gateway("shardgate_request_seconds_bucket", ',route="/graphql",le="+Inf"')]: "0+612x30",
    },
    summary: "One request in a hundred takes longer than 1.235s.",
  },
  ShardgateProcessDown: {
    series: { [node("up")]: "0x30" },
    labels: ofNode,
    summary: "node1:4001 does not answer Prometheus.",
  },
};

/** One case of promtool: half an hour of these series, at whose end exactly these alerts fire. */
function caseOf(
  name: string,
  series: Readonly<Record<string, string>>,
  alerts: Readonly<Record<string, Firing>>,
): object {
  return {
    name,
    interval: "1m",
    input_series: Object.entries({ ...healthy, ...series }).map(([one, values]) => ({ series: one, values })),
    alert_rule_test: rules.map(({ alert, labels, annotations: { action } }) => {
      const expected = alerts[alert];
      const exp_alerts =
        expected === undefined
          ? []
          : [
              {
                exp_labels: { ...labels, ...expected.labels },
                exp_annotations: { summary: expected.summary, action },
              },
            ];
      return { eval_time: "20m", alertname: alert, exp_alerts };
    }),
  };
}

describe("deploy/prometheus", () => {
  it("is accepted by promtool", (context) => {
    expect(promtool(context, "check", "config", "prometheus.yml")).toContain(`${rules.length} rules found`);
  });

  it("has alerts that fire, each alone, when what they are about happens", (context) => {
    expect(Object.keys(firing)).toEqual(rules.map(({ alert }) => alert));
    const tests = [
      caseOf("nothing is wrong", {}, {}),
      ...Object.entries(firing).map(([alert, one]) => caseOf(alert, one.series, { [alert]: one })),
    ];
    // JSON is YAML.
    writeFileSync(path.join(folder.path, "tests.yml"), JSON.stringify({ rule_files: ["alerts.yml"], tests }));
    promtool(context, "test", "rules", "tests.yml");
  });
});
