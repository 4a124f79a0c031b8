/** What web pages can see of a gateway, over real sockets. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rawRequest } from "../rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";

const origin = "https://app.example";
let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway({ web: { corsOrigins: [origin], allowedHosts: ["gateway.example"] } });
  await gateway.register("node1");
});
afterEach(() => gateway.close());

describe("a page of a listed origin", () => {
  it.each(["/graphql", "/data/k", "/shards/assign"])("gets a preflight answer for %s", async (path) => {
    const headers = { origin, "access-control-request-method": "PUT", "access-control-request-headers": "if-match" };
    const { status, headers: answer, text } = await rawRequest(gateway.url, path, { method: "OPTIONS", headers });
    expect([status, text]).toEqual([204, ""]);
    expect(answer).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "if-match",
      vary: "origin",
    });
  });

  it("reads answers and errors of GraphQL and REST", async () => {
    const put = await rawRequest(gateway.url, "/data/k", { method: "PUT", body: "1", headers: { origin } });
    expect([put.status, put.headers["access-control-allow-origin"]]).toEqual([201, origin]);
    const json = { origin, "content-type": "application/json" };
    const body = '{"query":"{ get(key: \\"k\\") { value } }"}';
    const got = await rawRequest(gateway.url, "/graphql", { method: "POST", body, headers: json });
    expect(got.json()).toEqual({ data: { get: { value: 1 } } });
    expect(got.headers).toMatchObject({ "access-control-allow-origin": origin, vary: "origin" });
    const missing = await rawRequest(gateway.url, "/nothing", { headers: { origin } });
    expect([missing.status, missing.headers["access-control-allow-origin"]]).toEqual([404, origin]);
  });
});

describe("a page of another origin", () => {
  it("is refused with a code, and counted", async () => {
    const page = await rawRequest(gateway.url, "/data/k", {
      method: "PUT",
      body: "1",
      headers: { origin: "https://e.example" },
    });
    expect([page.status, page.json()["code"]]).toEqual([403, "ORIGIN_NOT_ALLOWED"]);
    expect(page.headers["access-control-allow-origin"]).toBeUndefined();
    const host = await rawRequest(gateway.url, "/data/k", { headers: { host: "e.example" } });
    expect([host.status, host.json()["code"]]).toEqual([421, "HOST_NOT_ALLOWED"]);
    expect(host.json()["detail"]).toContain("--allow-host e.example");
    const body = '{"query":"{ __typename }"}';
    const headers = { host: "e.example", "content-type": "application/json" };
    const graphql = await rawRequest(gateway.url, "/graphql", { method: "POST", body, headers });
    expect(graphql.json()).toMatchObject({ errors: [{ extensions: { code: "HOST_NOT_ALLOWED" } }] });
    expect((await rawRequest(gateway.url, "/health", { headers: { host: "gateway.example" } })).status).toBe(200);
    const { metrics } = gateway.services;
    expect(await metrics.total("shardgate_requests_refused_total", { reason: "origin" })).toBe(1);
    expect(await metrics.total("shardgate_requests_refused_total", { reason: "host" })).toBe(2);
  });
});

describe("an unexpected failure", () => {
  it("is answered with the id of its request, under which the log has the details", async () => {
    gateway.services.router.execute = () => Promise.reject(new Error("a private detail"));
    const headers = { "x-request-id": "mine", "content-type": "application/json" };
    const rest = await rawRequest(gateway.url, "/data/k", { headers });
    expect(rest.status).toBe(500);
    expect(rest.json()).toMatchObject({ code: "INTERNAL_SERVER_ERROR", requestId: "mine" });
    const body = '{"query":"{ get(key: \\"k\\") { value } }"}';
    const graphql = await rawRequest(gateway.url, "/graphql", { method: "POST", body, headers });
    const extensions = { code: "INTERNAL_SERVER_ERROR", requestId: "mine" };
    expect(graphql.json()).toMatchObject({ errors: [{ extensions }] });
    expect(rest.text + graphql.text).not.toContain("private");
    const logged = gateway.log.lines.filter(({ level }) => level === "error");
    expect(logged).toHaveLength(2);
    for (const { facts } of logged)
      expect(facts).toMatchObject({ requestId: "mine", err: expect.objectContaining({ message: "a private detail" }) });
  });
});
