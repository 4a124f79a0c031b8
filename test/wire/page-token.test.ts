import { describe, expect, it } from "vitest";
import { pageTokenName } from "../../src/wire/page-token.js";

describe("the name under which a page stores its token", () => {
  it("is the same for both pages of a gateway, and different for each gateway behind a proxy", () => {
    expect(pageTokenName("/sg/")).toBe("shardgate:token:/sg/");
    expect(pageTokenName("/sg/graphql")).toBe(pageTokenName("/sg/"));
    expect(pageTokenName("/graphql")).toBe(pageTokenName("/"));
    expect(pageTokenName("/other/")).not.toBe(pageTokenName("/sg/"));
  });
});
