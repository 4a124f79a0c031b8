/** Traces of a real gateway and a real storage node, as a collector gets them. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../../src/cli/program.js";
import { startFakeCollector, type CollectedSpan, type FakeCollector } from "../../../support/fake-collector.js";
import { advanceUntil, useFakeTimeouts } from "../../../support/fake-timeouts.js";
import { eventually } from "../../../support/processes.js";
import { testEnvironment, type TestEnvironment } from "../../test-environment.js";
import { traceFlushMs } from "../../../../src/cli/serve/telemetry/tracing-option.js";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const [internal, server, client] = [1, 2, 3];

let collector: FakeCollector;
let gateway: Served;
let node: Served;

interface Served {
  readonly url: string;
  readonly environment: TestEnvironment;
  readonly done: Promise<number>;
}

async function serve(...argv: string[]): Promise<Served> {
  const environment = testEnvironment();
  const done = runCli([...argv, "--port", "0"], environment);
  await vi.waitFor(() => expect(environment.written.out).toMatch(/^listening .*\n/));
  return { url: environment.written.out.trim().split(" ")[1] ?? "", environment, done };
}

async function start(...tracing: string[]): Promise<void> {
  gateway = await serve("gateway", "--registry", "memory", "--shards", "4", ...tracing);
  node = await serve("node", "--id", "node7", "--engine", "memory", "--gateway", gateway.url, ...tracing);
  await eventually(async () => expect((await fetch(`${gateway.url}/ready`)).status).toBe(200));
}

/** Ends both, which sends what they have not sent yet. */
async function stop(): Promise<void> {
  for (const { environment, done } of [gateway, node]) {
    environment.send("SIGTERM");
    expect(await done).toBe(0);
  }
}

/** The same where the collector takes nothing: the time that they wait for it passes faster. */
async function stopInFakeTime(): Promise<void> {
  useFakeTimeouts();
  const stopped = vi.fn<() => void>();
  const stopping = stop().then(stopped);
  await Promise.race([stopping, advanceUntil(() => expect(stopped).toHaveBeenCalled())]);
  await stopping;
}

async function query(text: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query: text }),
  });
  return answer.text();
}

function spansNamed(name: string, kind: number): readonly CollectedSpan[] {
  return collector.spans.filter((span) => span.name === name && span.kind === kind);
}

function spanNamed(name: string, kind: number): CollectedSpan {
  const [span] = spansNamed(name, kind);
  if (span === undefined) throw new Error(`${name} is not among ${collector.spans.map((one) => one.name).join(", ")}.`);
  return span;
}

beforeEach(async () => {
  collector = await startFakeCollector();
});
afterEach(() => {
  vi.useRealTimers();
  return collector.close();
});

describe("traces", () => {
  it("continue the client's through the gateway, the batch and the storage node, down to the engine", async () => {
    await start("--trace-endpoint", collector.url);
    const traceparent = `00-${traceId}-${parentId}-01`;
    await query('mutation Store { put(key: "secret-key", value: "secret-value") { __typename } }', { traceparent });
    await stop();
    const request = spanNamed("POST /graphql", server);
    const sent = spanNamed("POST /batch", client);
    const taken = spanNamed("POST /batch", server);
    const commit = spanNamed("engine commit", internal);
    expect(new Set([request, sent, taken, commit].map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(request.parentSpanId).toBe(parentId);
    expect(sent.parentSpanId).toBe(request.spanId);
    expect(sent.links).toEqual([request.spanId]);
    expect(taken.parentSpanId).toBe(sent.spanId);
    expect(commit.parentSpanId).toBe(taken.spanId);
    expect(request).toMatchObject({
      service: "shardgate-gateway",
      status: 0,
      attributes: {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "Store",
      },
    });
    expect(sent.attributes).toMatchObject({ "shardgate.node": "node7", "shardgate.batch.operations": 1 });
    expect(taken).toMatchObject({ service: "shardgate-node", instance: "node7" });
    // Both sides name the batch alike.
    expect(taken.attributes["shardgate.request_id"]).toBe(sent.attributes["shardgate.batch.id"]);
    expect(collector.bodies.join("")).not.toMatch(/secret/);
  });

  it("link a batch with all requests that share it", async () => {
    await start("--trace-endpoint", collector.url);
    // While the first batch is under way the others gather.
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => query(`query Q${index} { get(key: "k${index}") { key } }`)),
    );
    await stop();
    const requests = spansNamed("POST /graphql", server);
    expect(requests).toHaveLength(40);
    const batches = spansNamed("POST /batch", client);
    expect(batches.flatMap(({ links }) => links).toSorted()).toEqual(requests.map(({ spanId }) => spanId).toSorted());
    for (const batch of batches) {
      expect(batch.links).toHaveLength(Number(batch.attributes["shardgate.batch.operations"]));
      expect(batch.links).toContain(batch.parentSpanId);
      for (const { spanId, links } of requests.filter((one) => batch.links.includes(one.spanId))) {
        expect(links).toEqual(spanId === batch.parentSpanId ? [] : [batch.spanId]);
      }
    }
    expect(batches.some(({ links }) => links.length > 1)).toBe(true);
    expect(
      spansNamed("engine read", internal)
        .map(({ parentSpanId }) => parentSpanId)
        .toSorted(),
    ).toEqual(
      spansNamed("POST /batch", server)
        .map(({ spanId }) => spanId)
        .toSorted(),
    );
  });

  it("cover REST by route, also with Yoga's way and failures, and leave out those who only watch", async () => {
    await start("--trace-endpoint", collector.url);
    await fetch(`${gateway.url}/data/secret-key`);
    await fetch(`${gateway.url}/health`);
    await fetch(`${node.url}/shard/1/store/secret-key`);
    await query("{ __schema { queryType { name } } }");
    node.environment.send("SIGTERM");
    await node.done;
    await query('{ get(key: "secret-key") { key } }');
    await stop();
    const names = new Set(collector.spans.map(({ name }) => name));
    expect(names).toContain("GET /data/:key");
    expect(names).toContain("GET /shard/:shard/store/:key");
    expect([...names].filter((name) => /health|ready|heartbeat|assignments/.test(name))).toEqual([]);
    expect(spanNamed("GET /data/:key", server).attributes).toMatchObject({ "http.response.status_code": 404 });
    expect(
      spansNamed("POST /graphql", server).map(({ status, attributes }) => [status, attributes["error.type"]]),
    ).toEqual([
      [0, undefined],
      [2, "SHARD_UNAVAILABLE"],
    ]);
    expect(spansNamed("POST /graphql", server)[0]?.attributes).toMatchObject({ "graphql.operation.type": "query" });
    expect(collector.bodies.join("")).not.toMatch(/secret/);
  });

  it("are not begun when the ratio says so, but continued when the client says so, in both processes", async () => {
    await start("--trace-endpoint", `${collector.url}/v1/traces`, "--trace-sample", "0");
    await query('{ get(key: "a") { key } }');
    await query('{ get(key: "b") { key } }', { traceparent: `00-${traceId}-${parentId}-01` });
    await query('{ get(key: "c") { key } }', { traceparent: `00-${traceId}-${parentId}-00` });
    await stop();
    expect(collector.spans.map(({ name }) => name).toSorted()).toEqual([
      "POST /batch",
      "POST /batch",
      "POST /graphql",
      "engine read",
    ]);
  });

  it("neither delay nor fail a request while the collector is away, and the log says so", async () => {
    await collector.close();
    await start("--trace-endpoint", collector.url);
    // The exporter gathers for a second and tries again after pauses.
    useFakeTimeouts();
    for (let index = 0; index < 3; index++)
      expect(await query('{ get(key: "a") { key } }')).toBe('{"data":{"get":null}}');
    await advanceUntil(() =>
      expect(gateway.environment.written.err).toContain("The trace collector does not accept traces"),
    );
    await stopInFakeTime();
  });

  it("hold up the end of a process for a moment only when the collector does not answer", async () => {
    const slow = await startFakeCollector();
    slow.answers = false;
    await start("--trace-endpoint", slow.url);
    await query('{ get(key: "a") { key } }');
    await stopInFakeTime();
    const lines = gateway.environment.written.err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { traceFlushMs?: number });
    expect(lines.at(-1)).toMatchObject({ traceFlushMs });
    await slow.close();
  });

  it.each([
    ["--trace-endpoint", "collector:4318", "http or https"],
    ["--trace-endpoint", "http://user:word@collector", "OTEL_EXPORTER_OTLP_HEADERS"],
    ["--trace-sample", "1.5", "from 0 to 1"],
    ["--trace-sample", "half", "from 0 to 1"],
  ])("refuse %s %s", async (name, value, said) => {
    const environment = testEnvironment();
    expect(await runCli(["gateway", name, value], environment)).toBe(2);
    expect(environment.written.err).toContain(said);
  });
});
