import { describe, expect, it } from "vitest";
import { MetricsOfWorkers } from "../../../../src/cli/serve/workers/metrics-of-workers.js";
import { ShardgateError } from "../../../../src/core/error.js";
import { NodeMetrics, type NodeGauges } from "../../../../src/storage-node/node-metrics.js";
import { NoAnswer } from "../../../../src/wire/peer.js";

const figures: NodeGauges = {
  requestsInFlight: 2,
  queuedWrites: 3,
  hostedShards: 4,
  isDraining: false,
  isAcknowledged: true,
  entries: 100,
  entryBytes: 1000,
  fileBytes: 8192,
};

function worker(metrics: NodeMetrics, failure: Error | null = null) {
  const ask = async () => {
    if (failure !== null) throw failure;
    return JSON.parse(JSON.stringify(await metrics.data(figures)));
  };
  return { ask: ask as never };
}

/** The samples of `name`, as they stand in the text. */
function samples(text: string, name: string): readonly string[] {
  return text.split("\n").filter((line) => line.startsWith(name) && !/[a-z_]/.test(line.charAt(name.length)));
}

const answered = { route: "/batch", method: "POST", status: 200, durationMs: 2 };

describe("MetricsOfWorkers", () => {
  it("adds up what each has for itself, and has once what is the same for all", async () => {
    const all = new MetricsOfWorkers();
    const [one, two] = [new NodeMetrics(), new NodeMetrics()];
    for (const metrics of [one, two]) all.came(worker(metrics));
    one.requestAnswered(answered);
    two.requestAnswered(answered);
    two.requestAnswered({ ...answered, status: 503 });
    const text = await all.text();
    expect(samples(text, "shardgate_storage_requests_total")).toEqual([
      'shardgate_storage_requests_total{route="/batch",method="POST",status="200"} 2',
      'shardgate_storage_requests_total{route="/batch",method="POST",status="503"} 1',
    ]);
    expect(samples(text, "shardgate_storage_request_seconds_count")).toEqual([
      'shardgate_storage_request_seconds_count{route="/batch"} 3',
    ]);
    const gauges = ["requests_in_flight", "queued_writes", "hosted_shards", "entries", "entry_bytes", "file_bytes"];
    expect(gauges.flatMap((name) => samples(text, `shardgate_storage_${name}`))).toEqual([
      "shardgate_storage_requests_in_flight 4",
      "shardgate_storage_queued_writes 6",
      "shardgate_storage_hosted_shards 4",
      "shardgate_storage_entries 100",
      "shardgate_storage_entry_bytes 1000",
      "shardgate_storage_file_bytes 8192",
    ]);
  });

  it("has what the processes take of the machine, its own with it", async () => {
    const all = new MetricsOfWorkers();
    expect(await all.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(await all.text()).not.toContain("nodejs_eventloop_lag");
    all.came(worker(new NodeMetrics()));
    expect(await all.text()).toContain("nodejs_eventloop_lag_seconds");
  });

  it("never lets a counter fall when a worker is gone, and forgets its gauges", async () => {
    const all = new MetricsOfWorkers();
    const count = async () => samples(await all.text(), 'shardgate_storage_requests_total{route="/batch"');
    for (let round = 1; round <= 3; round++) {
      const metrics = new NodeMetrics();
      const peer = worker(metrics);
      all.came(peer);
      metrics.requestAnswered(answered);
      expect(await count()).toEqual([expect.stringMatching(new RegExp(` ${round}$`))]);
      await all.gone(peer);
      expect(await count()).toEqual([expect.stringMatching(new RegExp(` ${round}$`))]);
    }
    expect(await all.text()).not.toContain("shardgate_storage_entries");
    await all.gone(worker(new NodeMetrics()));
  });

  it("says so when a worker does not answer, instead of leaving it out", async () => {
    const all = new MetricsOfWorkers();
    all.came(worker(new NodeMetrics()));
    const silent = worker(new NodeMetrics(), new NoAnswer("silent"));
    all.came(silent);
    await expect(all.text()).rejects.toMatchObject({ code: "OVERLOADED" });
    await all.gone(silent);
    all.came(worker(new NodeMetrics(), new ShardgateError("INTERNAL_SERVER_ERROR", "broken")));
    await expect(all.text()).rejects.toMatchObject({ code: "INTERNAL_SERVER_ERROR" });
  });
});
