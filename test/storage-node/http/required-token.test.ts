import { describe, expect, it } from "vitest";
import { runNode } from "../running-node.js";

const tokens = { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" };
const routes = [
  ["GET", "/shard/2/store/user123"],
  ["PUT", "/shard/2/store/user123"],
  ["DELETE", "/shard/2/store/user123"],
  ["GET", "/shard/2/store"],
  ["POST", "/batch"],
  ["GET", "/shards"],
  ["PUT", "/assignments"],
  ["POST", "/health"],
  ["POST", "/metrics"],
  ["DELETE", "/batch"],
  ["GET", "/nowhere"],
] as const;

describe("a storage node with a secret", () => {
  it.each(routes)("refuses %s %s without the gateway's token", async (method, path) => {
    const { send } = await runNode({ tokens });
    for (const authorization of [undefined, "Bearer wrong", "Bearer from-node", "from-gateway", "Basic from-gateway"]) {
      const answer = await send(path, { method, headers: authorization === undefined ? {} : { authorization } });
      expect(answer).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
      const what = authorization === undefined ? "carries no token" : "does not carry the cluster's token";
      const detail = `Only gateways of this cluster may call this storage node, and the request ${what}.`;
      expect(answer.json()).toMatchObject({ code: "UNAUTHENTICATED", detail });
    }
  });

  it.each(routes)("accepts %s %s with the gateway's token", async (method, path) => {
    const { send } = await runNode({ tokens });
    const answer = await send(path, { method, headers: { authorization: "Bearer from-gateway" }, body: "" });
    expect(answer.status).not.toBe(401);
  });

  it("answers health and metrics without a token", async () => {
    const { send } = await runNode({ tokens });
    expect((await send("/metrics")).status).toBe(200);
    expect((await send("/health")).status).toBe(200);
    expect((await send("/health", { method: "HEAD" })).status).toBe(200);
  });
});
