/** Our spans as OpenTelemetry's SDK sends them to a collector. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  OtelTracer,
  traceQueueMax,
  traceExportMs,
  spanLinksMax,
  spanAttributeCharactersMax,
} from "../../../../src/cli/serve/telemetry/otel-tracer.js";
import { startFakeCollector, type FakeCollector } from "../../../support/fake-collector.js";
import { advanceUntil, useFakeTimeouts } from "../../../support/fake-timeouts.js";
import { RecordLog } from "../../../support/record-log.js";

let collector: FakeCollector;
const log = new RecordLog();
const tracers: OtelTracer[] = [];
beforeEach(async () => {
  collector = await startFakeCollector();
  log.lines.length = 0;
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(tracers.splice(0).map((tracer) => tracer.close()));
  await collector.close();
});

function openTracer(sampleRatio = 1, url = `${collector.url}/v1/traces`): OtelTracer {
  const tracer = new OtelTracer({ url, sampleRatio, service: { name: "shardgate-test", instance: "one" }, log });
  tracers.push(tracer);
  return tracer;
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";

describe("OtelTracer", () => {
  it("sends spans with their parents, links, attributes and failures", async () => {
    const tracer = openTracer();
    const request = tracer.start("POST /graphql", { kind: "server", parent: `00-${traceId}-${parentId}-01` });
    const other = tracer.start("GET /data/:key", { kind: "server", parent: null });
    const batch = tracer.start("POST /batch", {
      kind: "client",
      parent: request,
      links: [request, other],
      attributes: { "shardgate.node": "node1", "shardgate.batch.wait_ms": 0.5 },
    });
    other.link(batch);
    batch.fail("timeout");
    batch.set({ more: 1, long: "x".repeat(1000) });
    for (const span of [batch, request, other]) span.end();
    await tracer.close();
    const [sentBatch, sentRequest, sentOther] = collector.spans;
    expect(sentRequest).toMatchObject({
      kind: 2,
      traceId,
      parentSpanId: parentId,
      service: "shardgate-test",
      instance: "one",
    });
    expect(sentOther?.traceId).not.toBe(traceId);
    expect(sentOther).toMatchObject({ parentSpanId: "", links: [sentBatch?.spanId] });
    expect(sentBatch).toMatchObject({
      name: "POST /batch",
      kind: 3,
      traceId,
      parentSpanId: sentRequest?.spanId,
      links: [sentRequest?.spanId, sentOther?.spanId],
      attributes: { "shardgate.node": "node1", "shardgate.batch.wait_ms": 0.5, "error.type": "timeout", more: 1 },
      status: 2,
    });
    expect(String(sentBatch?.attributes["long"])).toHaveLength(spanAttributeCharactersMax);
  });

  it.each([
    ["none", "00-0-0-01"],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${parentId}-01`],
    ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["the forbidden version", `ff-${traceId}-${parentId}-01`],
    ["capitals", `00-${traceId.toUpperCase()}-${parentId}-01`],
    ["more than version 00 has", `00-${traceId}-${parentId}-01-more`],
  ])("begins a trace of its own when the traceparent is %s", async (_, parent) => {
    const span = openTracer().start("request", { kind: "server", parent });
    expect(span.isRecorded).toBe(true);
    expect(span.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(span.traceparent).not.toContain(traceId);
  });

  it("continues a trace of a later version of the format", () => {
    const span = openTracer().start("request", { kind: "server", parent: `01-${traceId}-${parentId}-01-more` });
    expect(span.traceparent).toContain(traceId);
  });

  it("follows its parent's sampling, and decides by the ratio without one", async () => {
    const [all, none] = [openTracer(1), openTracer(0)];
    const sampled = `00-${traceId}-${parentId}-01`;
    const unsampled = `00-${traceId}-${parentId}-00`;
    const left = all.start("left", { kind: "server", parent: unsampled });
    expect(left).toMatchObject({ isRecorded: false });
    expect(left.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    expect(none.start("root", { kind: "server", parent: null }).isRecorded).toBe(false);
    expect(none.start("kept", { kind: "server", parent: sampled }).isRecorded).toBe(true);
    for (const span of [left]) span.end();
    await Promise.all([all.close(), none.close()]);
    expect(collector.spans).toEqual([]);
  });

  it("keeps at most so many links", async () => {
    const tracer = openTracer();
    const links = Array.from({ length: spanLinksMax + 5 }, () =>
      tracer.start("request", { kind: "server", parent: null }),
    );
    tracer.start("batch", { kind: "client", parent: null, links }).end();
    await tracer.close();
    expect(collector.spans[0]?.links).toHaveLength(spanLinksMax);
  });

  it("drops what the queue cannot hold, and says once that the collector takes nothing", async () => {
    collector.status = 400;
    const tracer = openTracer();
    for (let index = 0; index < traceQueueMax + 5_000; index++) {
      tracer.start("request", { kind: "server", parent: null }).end();
    }
    await tracer.close();
    expect(collector.spans).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "warn", facts: { err: expect.any(Error) } }]);
  });

  it("says when the collector takes traces again", async () => {
    useFakeTimeouts();
    collector.status = 400;
    const tracer = openTracer();
    tracer.start("one", { kind: "server", parent: null }).end();
    vi.advanceTimersByTime(traceExportMs - 1);
    expect(collector.bodies).toEqual([]);
    await advanceUntil(() => expect(log.lines.map(({ level }) => level)).toEqual(["warn"]));
    collector.status = 200;
    tracer.start("two", { kind: "server", parent: null }).end();
    await tracer.close();
    expect(log.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  it("ends without a collector, too", async () => {
    const tracer = openTracer(1, "http://127.0.0.1:1/v1/traces");
    tracer.start("one", { kind: "server", parent: null }).end();
    await tracer.close();
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
  });
});
