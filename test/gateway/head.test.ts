/** HEAD on every path that has GET: the same status and headers, and no body (RFC 9110, 9.3.2). */
import type { IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RecentTraffic } from "../../src/gateway/pages/console/recent-traffic.js";
import { FakeClock } from "../support/fake-clock.js";
import { rawRequest } from "./rest/raw-request.js";
import { startTestGateway, type TestGateway } from "./test-gateway.js";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ isPlaygroundEnabled: true, traffic: new RecentTraffic(new FakeClock()) });
  await gateway.register("node1");
  await rawRequest(gateway.url, "/data/k?ttl=60", { method: "PUT", body: '"äöü"' });
});
afterAll(() => gateway.close());

it.each([
  ["/data/k", {}],
  ["/data/k", { "if-none-match": '"1"' }],
  ["/data/missing", {}],
  ["/data/%ff", {}],
  ["/data?prefix=k", {}],
  ["/data?limit=0", {}],
  ["/shards", {}],
  ["/nodes", {}],
  ["/health", {}],
  ["/ready", {}],
  ["/openapi.json", {}],
  ["/nothing", {}],
  ["/graphql", {}],
  ["/graphql?query={__typename}", {}],
  ["/graphql", { accept: "text/html" }],
  ["/", {}],
])("HEAD %s with %j has the headers of GET, and no body", async (target, headers) => {
  const head = await rawRequest(gateway.url, target, { method: "HEAD", headers });
  expect(head.text).toBe("");
  const get = await rawRequest(gateway.url, target, { headers });
  expect(head.status).toBe(get.status);
  expect(ofAnswer(head.headers)).toEqual(ofAnswer(get.headers));
});

it("HEAD /console/events has the headers of a stream, and ends", async () => {
  const head = await rawRequest(gateway.url, "/console/events", { method: "HEAD" });
  expect(head).toMatchObject({ status: 200, text: "" });
  expect(head.headers).toMatchObject({ "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
});

/** Without headers that differ between any two answers, and those of a page's body, which HEAD may omit. */
function ofAnswer(headers: IncomingHttpHeaders): Readonly<Record<string, unknown>> {
  const { date: _date, "x-request-id": _id, "transfer-encoding": _chunked, ...rest } = headers;
  return rest;
}
