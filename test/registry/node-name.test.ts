import { describe, expect, it } from "vitest";
import { parseClusterName, parseNodeName } from "../../src/registry/node-name.js";

describe("parseNodeName", () => {
  it.each(["node1", "a", "0", "Node_1.rack-2", "n".repeat(63)])("takes %s", (name) => {
    expect(parseNodeName(name)).toBe(name);
  });

  it.each(["", ".", "..", "-a", "_a", "a b", "a/b", "a\n", "ä", "__proto__", "a%2Fb", "n".repeat(64)])(
    "refuses %j",
    (name) => {
      expect(() => parseNodeName(name)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
    },
  );

  it("quotes no more of a long name than it takes to see that it is long", () => {
    expect(() => parseNodeName("x".repeat(1_000_000))).toThrow(/^.{1,250}$/);
  });
});

describe("parseClusterName", () => {
  it("follows the same rule and says which name is wrong", () => {
    expect(parseClusterName("orders")).toBe("orders");
    expect(() => parseClusterName("or ders")).toThrow(/^The cluster's name "or ders" is not/);
  });
});
