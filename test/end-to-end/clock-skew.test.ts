/**
 * Clocks of gateway and storage nodes that differ or jump: the storage node's clock counts, and no entry's times go
 * backwards.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { untilAnswered } from "../support/data-calls.js";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { ShiftedClocks } from "../support/shifted-clocks.js";

const hourMs = 3_600_000;
const clocks = new ShiftedClocks();

let cluster: ProcessCluster;
beforeAll(async () => {
  clocks.set("gateway", -hourMs);
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, environment: clocks.environment });
});
afterAll(async () => {
  await cluster.stop();
  clocks.remove();
});

interface Put {
  readonly code?: string;
  readonly entry?: { readonly version: string; readonly createdAt: string; readonly updatedAt: string };
}

async function put(key: string, expiresAt: string | null = null): Promise<Put> {
  const expiry = expiresAt === null ? null : { at: expiresAt };
  const { put } = await graphqlData<{ put: Put }>(
    cluster.origin,
    `mutation ($key: String!, $expiry: Expiry) {
      put(key: $key, value: 1, expiry: $expiry) {
        ... on PutSuccess { entry { version createdAt updatedAt } } ... on Problem { code }
      }
    }`,
    { key, expiry },
  );
  return put;
}

const find = async (key: string): Promise<unknown> =>
  (await graphqlData(cluster.origin, "query ($key: String!) { get(key: $key) { value } }", { key }))["get"];

it("refuses an expiry that has passed at the storage node, though not yet at a gateway that is an hour behind", async () => {
  const halfAnHourAgo = new Date(Date.now() - hourMs / 2).toISOString();
  expect(await put("passed", halfAnHourAgo)).toEqual({ code: "EXPIRY_PASSED" });
  expect(await find("passed")).toBe(null);
  const inAnHour = new Date(Date.now() + hourMs).toISOString();
  expect((await put("ahead", inAnHour)).entry?.version).toMatch(/^\d+$/);
  expect(await find("ahead")).toEqual({ value: 1 });
});

it("never reports that an entry was updated before it was created, when the storage node's clock jumps back", async () => {
  await put("times");
  await clocks.jump("node1", cluster.run("node1"), -hourMs);
  const { entry } = await put("times");
  expect(Date.parse(entry?.updatedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(entry?.createdAt ?? ""));
  await clocks.jump("node1", cluster.run("node1"), 0);
});

it("never returns an entry again after a reader saw it expired, whatever the clock does and after a restart", async () => {
  const soon = new Date(Date.now() + hourMs / 2).toISOString();
  await put("gone", soon);
  expect(await find("gone")).toEqual({ value: 1 });
  await clocks.jump("node1", cluster.run("node1"), hourMs);
  expect(await find("gone")).toBe(null);
  clocks.set("node1", 0);
  await cluster.run("node1").stop("SIGKILL");
  cluster.startNode("node1");
  await cluster.ready();
  expect(await untilAnswered(cluster.origin, "gone")).toMatchObject({ status: 404 });
});
