import { describe, expect, it } from "vitest";
import { beatPath, leaderPath, parseGatewayName } from "../../src/wire/gateway-peers.js";
import { parseGatewayUrl } from "../../src/registry/address/node-url.js";

describe("the name of a gateway", () => {
  it.each(["g1", "10.0.0.1:4000", "[::1]:4000", "gateway-1.example:4000", "a".repeat(260)])("may be %s", (name) => {
    expect(parseGatewayName(name)).toBe(name);
  });

  it.each(["", ".", "..", "a b", "a/b", "-a", "é", "a\n", "a".repeat(261), "<b>"])("may not be %j", (name) => {
    expect(() => parseGatewayName(name)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });
});

describe("the paths of the leader", () => {
  it("have a name as one segment", () => {
    expect(beatPath("[::1]:4000")).toBe("/gateways/%5B%3A%3A1%5D%3A4000/beat");
    expect(leaderPath("register")).toBe("/gateways/leader/register");
  });
});

describe("the URL of a gateway", () => {
  it("is held to what that of a storage node is, and refused as a gateway's", () => {
    expect(parseGatewayUrl("https://G1.example:4000/base/")).toBe("https://g1.example:4000/base");
    expect(() => parseGatewayUrl("ftp://g1")).toThrow("The gateway's URL does not start with http:// or https://.");
    expect(() => parseGatewayUrl("http://")).toThrow("The gateway's URL cannot be parsed.");
  });
});
