import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createConsole } from "../../../../src/gateway/pages/console/console.js";
import { RecentTraffic } from "../../../../src/gateway/pages/console/recent-traffic.js";
import { startGateway, type Gateway } from "../../../../src/gateway/gateway-server.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { postJson, rawRequest } from "../../rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";

let behind: TestGateway;
let gateway: Gateway;

beforeEach(async () => {
  behind = await startTestGateway();
  await behind.register("node1", "node2");
  const { services, clock } = behind;
  gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    services,
    isPlaygroundEnabled: false,
    persistedDocuments: { texts: new Map(), isOnly: true },
    traffic: new RecentTraffic(clock),
  });
});

afterEach(async () => {
  await gateway.close();
  await behind.close();
});

const ask = async (documentId: string, variables: object) =>
  (await postJson(gateway.url, "/graphql", { documentId, variables })).json();

describe("a gateway with a console", () => {
  it("serves its page at /, beside everything else", async () => {
    expect((await rawRequest(gateway.url, "/")).text).toContain("<title>shardgate console</title>");
    expect((await rawRequest(gateway.url, "/health")).json()).toMatchObject({ status: "ok" });
    expect((await rawRequest(gateway.url, "/console/nothing")).json()).toMatchObject({ code: "NOT_FOUND" });
  });

  it("serves none when it is switched off", async () => {
    expect((await rawRequest(behind.url, "/")).status).toBe(404);
    expect((await rawRequest(behind.url, "/console/events")).status).toBe(404);
  });

  it("answers the page's documents even when it accepts no others", async () => {
    expect((await postJson(gateway.url, "/graphql", { query: "{ __typename }" })).text).toContain("PERSISTED");
    await rawRequest(gateway.url, "/data/user123", { method: "PUT", body: '{"n":1.50}' });
    expect(await ask("console/find", { key: "user123" })).toMatchObject({
      data: { shardForKey: { number: 2, state: "ACTIVE" }, entries: [{ valueText: '{"n":1.50}' }] },
    });
    expect(await ask("console/shard", { number: 2 })).toMatchObject({
      data: { shard: { number: 2, keyCount: "1", history: [{ cause: "AUTOMATIC" }] } },
    });
    const input = { shard: 2, storageNode: "node2", ifEpoch: 1, force: false };
    expect(await ask("console/assign", { input })).toMatchObject({
      errors: [{ extensions: { code: "ASSIGNMENT_WOULD_HIDE_DATA" } }],
    });
    expect(await ask("console/assign", { input: { ...input, force: true } })).toMatchObject({
      data: { assignShard: { shard: { epoch: 2 } } },
    });
  });

  it("does not wait for consoles when it closes", async () => {
    const watching = rawRequest(gateway.url, "/console/events");
    await vi.waitFor(() => expect(behind.clock.pendingTimers).toBeGreaterThan(0));
    await gateway.close();
    const { text } = await watching;
    expect(text).toContain("event: cluster\n");
  });

  it("reports which engine a storage node has", async () => {
    expect(await behind.services.membership.nodeEngine("node1")).toBe("memory");
    behind.node("node3", "plain");
    await behind.register("node3");
    expect(await behind.services.membership.nodeEngine("node3")).toBeNull();
    expect(await behind.services.membership.nodeEngine("unknown")).toBeNull();
  });
});

describe("the console's built files", () => {
  it("are searched for beside the compiled code", () => {
    expect(
      createConsole(behind.services, { traffic: new RecentTraffic(new FakeClock()), hasPlayground: true }),
    ).toBeDefined();
  });
});
