/** Frames between processes: a connection that is cut within a frame, TLS, a wrong secret, a restart, a drain. */
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { FrameCalls } from "../../src/routing/node-client/frames/frame-calls.js";
import { UndiciNodeClient } from "../../src/routing/node-client/undici-node-client.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { startStorageNode, type StorageNodeOptions } from "../../src/storage-node/node-server.js";
import { noTls, type TlsSource } from "../../src/tls/tls-source.js";
import { startByteLine, type ByteLine } from "../support/byte-line.js";
import { CertificateAuthority } from "../support/certificates.js";
import { FakeClock } from "../support/fake-clock.js";
import { graphqlData } from "../support/gateway-calls.js";
import { openGuard } from "../support/open-guard.js";
import { get, put, routed } from "../support/operations.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, freePorts } from "../support/processes.js";
import { RecordLog } from "../support/record-log.js";
import { RenewableTls } from "../support/renewable-tls.js";
import { expectKept, startWriters } from "../support/writers.js";

let cluster: ProcessCluster | null = null;
let line: ByteLine | null = null;
afterEach(async () => {
  vi.restoreAllMocks();
  await cluster?.stop();
  await line?.close();
  [cluster, line] = [null, null];
});

/** A gateway and a storage node with a controllable connection in between. */
async function startOverLine(): Promise<{ cluster: ProcessCluster; line: ByteLine }> {
  const ports = await freePorts(2);
  line = await startByteLine(`http://127.0.0.1:${ports[1]}`);
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, ports, nodeArgs: ["--advertise", line.url] });
  return { cluster, line };
}

const read = (origin: string) =>
  graphqlData(origin, "query ($key: String!) { get(key: $key) { value } }", { key: "a" });

it("frames carry the batches of a gateway after the first ones, and again after the storage node was killed and restarted", async () => {
  const { cluster: running, line: between } = await startOverLine();
  const { origin } = running;
  const expectFramed = (): Promise<void> =>
    eventually(async () => {
      await read(origin);
      const before = between.count("POST /batch");
      for (let times = 0; times < 5; times++) await read(origin);
      expect(between.count("POST /batch")).toBe(before);
    });
  await expectFramed();
  expect(between.count("shardgate-batch/1")).toBe(1);
  running.run("node1").child.kill("SIGKILL");
  await running.run("node1").ended();
  running.startNode("node1");
  await running.ready();
  await expectFramed();
  expect(between.count("shardgate-batch/1")).toBeGreaterThan(1);
});

it.each(["toNode", "toGateway"] as const)(
  "frames lose no acknowledged write when the connection is cut in the middle of them, %s",
  async (direction) => {
    const { cluster: running, line: between } = await startOverLine();
    const { acknowledged, codes, stop } = startWriters(running.origin);
    await eventually(() => expect(acknowledged.size).toBeGreaterThan(100));
    for (let bytes = 3; bytes < 1_500; bytes += 131) {
      const before = between.cuts;
      between.cutAfter = { direction, bytes };
      await eventually(() => expect(between.cuts).toBeGreaterThan(before));
      between.cutAfter = null;
      const written = acknowledged.size;
      await eventually(() => expect(acknowledged.size).toBeGreaterThan(written));
    }
    await stop();
    for (const code of codes) expect(["OUTCOME_UNKNOWN false", "SHARD_UNAVAILABLE true"]).toContain(code);
    await expectKept(running.origin, acknowledged);
  },
);

async function startNode(options: Partial<StorageNodeOptions>) {
  const clock = new FakeClock();
  const node = await startStorageNode({
    name: "node1",
    host: "127.0.0.1",
    port: 0,
    engine: new MemoryEngine(),
    clock,
    log: new RecordLog(),
    gatewayUrls: [],
    advertisedUrl: null,
    incarnation: "first",
    newId: () => "store1",
    ...options,
  });
  let drained: Promise<void> | null = null;
  const drain = (): Promise<void> => {
    drained ??= (async () => {
      let isOver = false;
      const draining = node.drain().finally(() => (isOver = true));
      while (!isOver) await clock.advance(100);
      await draining;
    })();
    return drained;
  };
  onTestFinished(drain);
  return { node, drain };
}

function clientOf(url: string, tls: TlsSource = noTls, token: string | null = null): UndiciNodeClient {
  const facts = { clusterId: () => undefined as unknown as string, mayBePlain: () => false };
  const client = new UndiciNodeClient({ name: "node1", url, facts, guard: openGuard, tls, token });
  onTestFinished(() => client.close());
  return client;
}

const call = { timeoutMs: 5_000 };

/** Sends batches until one has used a frame. */
async function untilFramed(client: UndiciNodeClient): Promise<void> {
  const framed = vi.spyOn(FrameCalls.prototype, "execute");
  await vi.waitFor(async () => {
    await client.execute([routed(get("a"))], call);
    expect(framed).toHaveBeenCalled();
  });
}

it("frames use mutual TLS, with the certificates of HTTP requests", async () => {
  const ca = new CertificateAuthority("Cluster CA");
  const identity = ca.issue();
  const tls = new RenewableTls({ server: identity, cluster: identity, clusterCa: ca.cert });
  const { node } = await startNode({ tls });
  const client = clientOf(node.url, tls);
  await untilFramed(client);
  const value = JSON.stringify("x".repeat(1_000_000));
  expect(await client.execute([routed(put("large", value))], call)).toMatchObject([{ kind: "written" }]);
  expect(await client.execute([routed(get("large"))], call)).toMatchObject([{ entry: { value } }]);
});

it("frames require the cluster's secret, and are refused with a wrong one", async () => {
  const tokens = { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" };
  const { node } = await startNode({ tokens });
  await untilFramed(clientOf(node.url, noTls, "from-gateway"));
  const framed = vi.spyOn(FrameCalls.prototype, "execute").mockClear();
  const stranger = clientOf(node.url, noTls, "wrong");
  for (let times = 0; times < 5; times++) {
    const refused = stranger.execute([routed(put("a", "1"))], call);
    await expect(refused).rejects.toThrow("UNAUTHENTICATED");
    await expect(refused).rejects.toMatchObject({ isUnsent: true });
  }
  expect(framed).not.toHaveBeenCalled();
});

it("frames lose nothing when the storage node drains: each batch is answered, or provably not executed", async () => {
  const { node, drain } = await startNode({});
  const client = clientOf(node.url);
  await untilFramed(client);
  let acknowledged = 0;
  // As a gateway does, each writer stops at the first refusal.
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let index = 0; ; index++) {
      try {
        await client.execute([routed(put(`k${writer}-${index}`, "1"))], call);
        acknowledged++;
      } catch (fault) {
        return fault;
      }
    }
  });
  await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(100));
  const draining = node.drain();
  for (const fault of await Promise.all(writers)) expect(fault).toMatchObject({ reason: "draining", isUnsent: true });
  await drain();
  await draining;
});
