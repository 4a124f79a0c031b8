import { describe, expect, it } from "vitest";
import { grantOf, parseGrant } from "../../../src/gateway/access/grant.js";

describe("a grant", () => {
  it.each([
    ["read:country/", { role: "read", prefix: "country/" }],
    ["write:", { role: "write", prefix: "" }],
    ["write:a:b", { role: "write", prefix: "a:b" }],
    ["read:.", { role: "read", prefix: "." }],
    ["admin", { role: "admin", prefix: "" }],
    ["admin:", { role: "admin", prefix: "" }],
  ])("is written as %s", (text, grant) => {
    expect(parseGrant(text)).toEqual(grant);
  });

  it.each([
    ["", "A role must be"],
    ["owner:a", "A role must be"],
    ["Read:a", "A role must be"],
    ["read", "needs a prefix"],
    ["admin:a", "whole key space"],
    ["read:a\u0000", "has a control character"],
    [`read:${"x".repeat(1025)}`, "is longer than"],
    ["read:\ud800", "has a lone surrogate"],
  ])("is not written as %j", (text, reason) => {
    expect(() => parseGrant(text)).toThrow(reason);
  });

  it("needs a text as its prefix", () => {
    expect(() => grantOf("read", 1)).toThrow("needs a prefix");
    expect(() => grantOf("admin", null)).toThrow("whole key space");
  });
});
