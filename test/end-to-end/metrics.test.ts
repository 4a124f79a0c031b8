/** Compares everything that is written about metrics with those of a real gateway and a real storage node. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphql } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { repository } from "../support/processes.js";

let cluster: ProcessCluster;
let [ofGateway, ofNode] = ["", ""];

beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4 });
  await graphql(cluster.origin, 'mutation { put(key: "a", value: 1) { __typename } get(key: "a") { value } }');
  ofGateway = await (await fetch(`${cluster.origin}/metrics`)).text();
  ofNode = await (await fetch(`${cluster.nodeOrigin("node1")}/metrics`)).text();
});
afterAll(() => cluster.stop());

/** Names and labels of the program's own metrics, as "name{label,label}". */
function described(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (shardgate_\w+) /gm)].map(([, name = ""]) => name).toSorted();
}

function inPage(region: string): readonly (readonly [name: string, labels: string])[] {
  const page = readFileSync(path.join(repository, "docs/reference/metrics.md"), "utf8");
  const table = page.split(`<!-- from the code: ${region} -->`)[1]?.split("<!-- end -->")[0] ?? "";
  return [...table.matchAll(/^\| `(shardgate_\w+)` \| \w+ \| ([\w, ]*) ?\| .+ \|$/gm)].map(
    ([, name = "", labels = ""]) => [name, labels.trim()] as const,
  );
}

describe("docs/reference/metrics.md", () => {
  it.each([
    ["gateway", () => ofGateway],
    ["node", () => ofNode],
  ] as const)("has exactly the metrics of a running %s, with their labels", (region, text) => {
    const told = inPage(region);
    expect(told.map(([name]) => name).toSorted()).toEqual(described(text()));
    for (const [name, labels] of told) {
      const sample = new RegExp(`^${name}(?:_sum|_count)?(?:{([^}]*)})? `, "m").exec(text());
      // A series begins with its first event; those of failures have none here.
      if (sample === null) continue;
      const names = [...(sample[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label);
      expect([name, names.toSorted().join(", ")]).toEqual([name, labels.split(", ").toSorted().join(", ")]);
    }
  });

  it("lists the default metrics of prom-client too", () => {
    for (const text of [ofGateway, ofNode]) {
      expect(text).toMatch(/^process_cpu_seconds_total /m);
      expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    }
  });
});

describe("examples/grafana", () => {
  const folder = path.join(repository, "examples/grafana");

  it("uses only metrics that exist", () => {
    const dashboard = JSON.parse(readFileSync(path.join(folder, "dashboard.json"), "utf8")) as {
      panels: readonly { title: string; targets?: readonly { expr: string }[] }[];
    };
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(30);
    const real = new Set(
      [...`${ofGateway}\n${ofNode}`.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = "", type]) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const asked = queries.flatMap((query) => query.match(/\b(?:shardgate|nodejs|process)_\w+/g) ?? []);
    expect([...new Set(asked)].filter((name) => !real.has(name))).toEqual([]);
    // It shows nearly all of the program's own metrics.
    const shown = [...described(ofGateway), ...described(ofNode)].filter((name) =>
      asked.some((one) => one.startsWith(name)),
    );
    expect(shown.length).toBeGreaterThan(25);
  });

  it("makes Prometheus read them where `npm start` serves them", () => {
    const config = readFileSync(path.join(folder, "prometheus.yml"), "utf8");
    expect(config.match(/127\.0\.0\.1:\d+/g)).toEqual([4000, 4001, 4002, 4003].map((port) => `127.0.0.1:${port}`));
  });
});
