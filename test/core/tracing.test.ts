import { describe, expect, it } from "vitest";
import { endRequestSpan, startRequestSpan, startShared } from "../../src/core/tracing.js";
import { RecordTracer } from "../support/record-tracer.js";

const unsampled = `00-${"b".repeat(32)}-${"c".repeat(16)}-00`;

describe("startShared", () => {
  it("creates a child of the first span, linked with all and reachable from each", () => {
    const tracer = new RecordTracer();
    const [first, second] = [0, 1].map(() => tracer.start("request", { kind: "server", parent: null }));
    if (first === undefined || second === undefined) throw new Error("There are two.");
    const shared = startShared(tracer, "batch", [first, second], { kind: "client" });
    expect(shared).toMatchObject({ name: "batch", parent: first, links: [first, second] });
    expect(second.links).toEqual([shared]);
    expect(first.links).toEqual([]);
  });

  it("prefers a recorded parent, and links no others", () => {
    const tracer = new RecordTracer();
    const left = tracer.start("request", { kind: "server", parent: unsampled });
    const kept = tracer.start("request", { kind: "server", parent: null });
    expect(startShared(tracer, "batch", [left, kept], { kind: "client" })).toMatchObject({
      parent: kept,
      links: [kept],
    });
    expect(left.links).toEqual([]);
  });

  it("propagates that nothing is recorded", () => {
    const tracer = new RecordTracer();
    const left = tracer.start("request", { kind: "server", parent: unsampled });
    expect(startShared(tracer, "batch", [left], { kind: "client" })).toMatchObject({ parent: left, links: [] });
  });

  it("creates no span without served spans or without a tracer", () => {
    const tracer = new RecordTracer();
    expect(startShared(tracer, "batch", [], { kind: "client" })).toBeUndefined();
    const span = tracer.start("request", { kind: "server", parent: null });
    expect(startShared(undefined, "batch", [span], { kind: "client" })).toBeUndefined();
  });
});

describe("a request's span", () => {
  it("continues the client's trace, and is named after the route, not the path", () => {
    const headers = { traceparent: unsampled, "x-request-id": "r1" };
    expect(startRequestSpan(new RecordTracer(), { method: "GET", route: "/data/:key", headers })).toMatchObject({
      name: "GET /data/:key",
      kind: "server",
      parent: unsampled,
      attributes: { "http.request.method": "GET", "http.route": "/data/:key", "shardgate.request_id": "r1" },
    });
    expect(startRequestSpan(new RecordTracer(), { method: "GET", route: "/", headers: {} })).toMatchObject({
      parent: null,
    });
  });

  it.each([
    [200, null],
    [404, null],
    [503, "503"],
  ])("ends with its status %i", (status, failure) => {
    const span = new RecordTracer().start("request", { kind: "server", parent: null });
    endRequestSpan(span, status);
    expect(span).toMatchObject({ failure, isEnded: true, attributes: { "http.response.status_code": status } });
  });
});
