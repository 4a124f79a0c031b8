/** The prepared tabs, each run as the playground runs it, on a gateway over storage nodes in memory. */
import { print, parse, stripIgnoredCharacters } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { preparedTabs } from "../../../../src/gateway/pages/playground/tabs.js";
import { graphql } from "../../../support/gateway-calls.js";
import { startTestGateway, type TestGateway } from "../../test-gateway.js";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.register("node1", "node2");
});
afterAll(() => gateway.close());

/** The parts of the answers that the tests read. */
interface TabData {
  readonly entries: unknown;
  readonly replace: { readonly current: { readonly version: string } };
  readonly scan: { readonly edges: unknown; readonly pageInfo: { readonly endCursor: string } };
  readonly assignShard: unknown;
}

/** Runs the tab of this name, with its prepared variables or with others. */
async function run(name: string, changed: Readonly<Record<string, unknown>> = {}) {
  const { query, variables = "{}" } = tabs.get(name) ?? { query: "" };
  return graphql<TabData>(gateway.url, query, { ...JSON.parse(variables), ...changed });
}

const tabs = new Map(preparedTabs.map((tab) => [/^(?:query|mutation) (\w+)/m.exec(tab.query)?.[1], tab]));

describe("the prepared tabs", () => {
  it("cover what a new user needs, each with a name of its own", () => {
    expect([...tabs.keys()]).toEqual([
      "FirstPutAndGet",
      "ManyKeys",
      "CompareAndSet",
      "ScanWithCursor",
      "ShardsAndNodes",
      "Reassign",
    ]);
  });

  it.each([...tabs])("%s fits into half a screen and does not change when it is prettified", (_, { query }) => {
    expect(Math.max(...query.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(48);
    expect(stripIgnoredCharacters(print(parse(query)))).toBe(stripIgnoredCharacters(query));
    expect(query).toMatch(/^# /);
  });

  it("write an entry and read it back", async () => {
    const { data, errors } = await run("FirstPutAndGet");
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ put: { isNew: true }, get: { key: "user/ada", value: { name: "Ada" } } });
  });

  it("read many keys with an outcome for each", async () => {
    const { data } = await run("ManyKeys");
    expect(data?.entries).toMatchObject([
      { __typename: "Entry", key: "user/ada" },
      { __typename: "KeyNotFound", code: "KEY_NOT_FOUND" },
      { __typename: "InvalidKey", code: "INVALID_KEY" },
    ]);
  });

  it("compare and set, as their comment says, in three runs", async () => {
    const first = await run("CompareAndSet");
    expect(first.data).toMatchObject({
      create: { __typename: "PutSuccess" },
      replace: { __typename: "VersionConflict", current: { value: { count: 1 } } },
    });
    const version = first.data?.replace.current.version;
    const second = await run("CompareAndSet", { version });
    expect(second.data).toMatchObject({
      create: { __typename: "VersionConflict" },
      replace: { __typename: "PutSuccess", entry: { value: { count: 2 } } },
    });
    const third = await run("CompareAndSet", { version });
    expect(third.data).toMatchObject({ replace: { __typename: "VersionConflict", code: "VERSION_CONFLICT" } });
  });

  it("continue a scan from a cursor", async () => {
    const whole = await run("ScanWithCursor");
    expect(whole.data).toMatchObject({ scan: { pageInfo: { hasNextPage: false }, unavailableShards: [] } });
    const page = await run("ScanWithCursor", { first: 1 });
    expect(page.data?.scan.edges).toMatchObject([{ node: { key: "counter" } }]);
    const next = await run("ScanWithCursor", { first: 1, after: page.data?.scan.pageInfo.endCursor });
    expect(next.data?.scan.edges).toMatchObject([{ node: { key: "user/ada" } }]);
  });

  it("show shards and storage nodes", async () => {
    const { data, errors } = await run("ShardsAndNodes");
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      shardForKey: { state: "ACTIVE", keyCount: "1" },
      cluster: { shardCount: 4, isHealthy: true, storageNodes: [{ name: "node1" }, { name: "node2" }] },
    });
  });

  it("assign a shard to another storage node, and are refused when that hides data", async () => {
    const holder = gateway.services.membership.map.shards[0]?.primary;
    const other = holder === "node1" ? "node2" : "node1";
    const moved = await run("Reassign", { storageNode: other, force: true });
    expect(moved.data?.assignShard).toMatchObject({ shard: { number: 0, primary: { name: other } } });
    const refused = await run("Reassign", { storageNode: "nobody" });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "NODE_NOT_FOUND" });
  });
});
