import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { deriveClusterTokens, tokenHeader } from "../../src/wire/cluster-token.js";

describe("the tokens of a cluster", () => {
  it("are HMACs of its secret, a different one for each direction", async () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const hmac = (label: string) => createHmac("sha256", secret).update(label).digest("base64url");
    expect(await deriveClusterTokens(secret)).toEqual({
      gatewayToken: hmac("shardgate/1 gateway to storage node"),
      nodeToken: hmac("shardgate/1 storage node to gateway"),
      peerToken: hmac("shardgate/1 gateway to gateway"),
    });
  });

  it("differ between clusters", async () => {
    const [one, other] = await Promise.all([deriveClusterTokens("a".repeat(32)), deriveClusterTokens("b".repeat(32))]);
    expect(new Set([...Object.values(one), ...Object.values(other)]).size).toBe(6);
  });

  it("are sent as bearer tokens, if there are any", () => {
    expect(tokenHeader("abc")).toEqual({ authorization: "Bearer abc" });
    expect(tokenHeader(null)).toEqual({});
  });
});
