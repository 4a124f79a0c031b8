import { describe, expect, it } from "vitest";
import type { JsonEntry } from "../../src/core/entry.js";
import type { ScanOperation } from "../../src/core/operation.js";
import { pageProblem } from "../../src/wire/scan-page.js";
import { scan } from "../support/operations.js";

const problemOf = (keys: readonly string[], rest: Partial<ScanOperation> = {}, hasMore = false): string | null => {
  const entries = keys.map((key) => ({ key, value: "1" }) as unknown as JsonEntry);
  return pageProblem({ kind: "page", entries, hasMore }, scan(0, rest));
};

describe("pageProblem", () => {
  it.each<readonly [readonly string[], Partial<ScanOperation>]>([
    [[], {}],
    [["a"], { limit: 1 }],
    [["a", "b", "\uffee", "💥"], {}],
    [["💥", "\uffee", "b", "a"], { isReverse: true }],
    [["b", "c"], { after: "a", before: "d" }],
    [["c", "b"], { after: "a", before: "d", isReverse: true }],
    [["ab", "ac"], { prefix: "a" }],
    [[], { after: "z", before: "a" }],
  ])("finds nothing wrong with %j for %j", (keys, rest) => expect(problemOf(keys, rest)).toBeNull());

  it.each<readonly [readonly string[], Partial<ScanOperation>, RegExp]>([
    [["a", "b"], { limit: 1 }, /2 entries where 1/],
    [["a", "b"], { prefix: "a" }, /"b", which has another prefix/],
    [["b", "a"], {}, /"a" in the wrong place/],
    [["a", "a"], {}, /"a" in the wrong place/],
    [["a", "b"], { isReverse: true }, /"b" in the wrong place/],
    [["a"], { after: "a" }, /"a" in the wrong place/],
    [["b"], { before: "b" }, /"b" beyond the end/],
    [["b"], { before: "b", isReverse: true }, /"b" in the wrong place/],
    [["b"], { after: "b", isReverse: true }, /"b" beyond the end/],
  ])("finds what is wrong with %j for %j", (keys, rest, problem) => expect(problemOf(keys, rest)).toMatch(problem));

  it("refuses a page that promises more entries without containing one", () => {
    expect(problemOf([], {}, true)).toMatch(/more entries, but not one/);
    expect(problemOf(["a"], {}, true)).toBeNull();
  });
});
