/** A web page can do nothing to a storage node on the machine of its visitor. */
import { describe, expect, it } from "vitest";
import { runNode } from "../running-node.js";

const page = "https://evil.example";
const rebound = { host: "evil.example:4001" };
const deletion = '{"operations":[{"op":"delete","shard":2,"key":"user123"}]}\n';

async function nodeWithEntry(options: Parameters<typeof runNode>[0] = {}) {
  const node = await runNode(options);
  expect((await node.putValue("/shard/2/store/user123", "1")).status).toBe(201);
  return node;
}

describe("a storage node that refuses web pages", () => {
  it.each([
    ["a page's batch, which browsers send without asking", { origin: page, "content-type": "text/plain" }],
    ["a page without an origin of its own", { origin: "null" }],
    ["what a browser says is of another origin", { "sec-fetch-site": "cross-site" }],
    ["what a browser says is of a page of this very address", { "sec-fetch-site": "same-origin" }],
  ])("refuses %s", async (_, headers) => {
    const { send } = await nodeWithEntry();
    const answer = await send("/batch", { method: "POST", headers, body: deletion });
    expect([answer.status, answer.json()["code"]]).toEqual([403, "ORIGIN_NOT_ALLOWED"]);
    expect((await send("/shard/2/store/user123")).text).toBe("1");
  });

  it("answers a person who opens its address in a browser", async () => {
    const { send } = await runNode();
    expect((await send("/health", { headers: { "sec-fetch-site": "none" } })).status).toBe(200);
  });

  it("answers nothing to a page whose host name points at the node's address", async () => {
    const { send } = await nodeWithEntry();
    for (const path of ["/shard/2/store/user123", "/shard/2/store", "/shards", "/health", "/metrics"]) {
      const answer = await send(path, { headers: rebound });
      expect([answer.status, answer.json()["code"]]).toEqual([421, "HOST_NOT_ALLOWED"]);
    }
    const strange = await send("/shards", { headers: { host: "evil example" } });
    expect([strange.status, strange.json()["code"]]).toEqual([400, "BAD_REQUEST"]);
  });

  it.each(["127.0.0.1:4001", "localhost:4001", "[::1]", "node1.localhost", "Node1.Internal:4001"])(
    "accepts its own host names: %s",
    async (host) => {
      const { send } = await runNode({ advertisedUrl: "http://node1.internal:4001" });
      expect((await send("/shards", { headers: { host } })).status).toBe(200);
    },
  );

  it("accepts every host name when callers must authenticate", async () => {
    const { send } = await runNode({
      tokens: { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" },
    });
    const authorization = "Bearer from-gateway";
    expect((await send("/shards", { headers: { ...rebound, authorization } })).status).toBe(200);
    expect((await send("/shards", { headers: { authorization, origin: page } })).status).toBe(403);
  });
});
