import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonShape, membersIn, type JsonShapeBounds } from "../../../src/core/text/json-shape.js";

const free = { depthMax: Number.POSITIVE_INFINITY, partsMax: Number.POSITIVE_INFINITY };

const shapeProblem = (text: string, bounds: JsonShapeBounds) => jsonShape(text, bounds).problem;

/** Depth and number of parts of a parsed value, by definition. */
function shapeOf(value: unknown): { depth: number; parts: number } {
  if (typeof value !== "object" || value === null) return { depth: 0, parts: 0 };
  const inside = Object.values(value).map(shapeOf);
  const separators = Math.max(0, inside.length - 1);
  const members = Array.isArray(value) ? 0 : 3 * inside.length;
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    parts: 1 + separators + members + inside.reduce((sum, { parts }) => sum + parts, 0),
  };
}

describe("jsonShape", () => {
  it("returns the depth and the number of parts of any JSON, whatever its strings contain", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("\\", '"', "[", "x"), maxLength: 200 }),
    );
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.double(),
        fc.constant(null),
        fc.array(tie("value")),
        fc.dictionary(text, tie("value")),
      ),
    })).value;
    fc.assert(
      fc.property(json, fc.constantFrom(0, 2), (value, indent) => {
        const written = JSON.stringify(value, null, indent);
        const { depth, parts } = shapeOf(JSON.parse(written));
        expect(shapeProblem(written, { depthMax: depth, partsMax: parts })).toBeNull();
        expect(jsonShape(written, free).members).toBe(membersIn(JSON.parse(written)));
        if (depth === 0) return;
        expect(shapeProblem(written, { ...free, depthMax: depth - 1 })).toContain("nested deeper");
        expect(shapeProblem(written, { ...free, partsMax: parts - 1 })).toContain("parts");
      }),
    );
  });

  it.each(["", '"', '"\\', `"${"x".repeat(100)}`, `"${"x".repeat(100)}\\"`, "]]]", '{"a"', "tru"])(
    "leaves text that is not JSON to the parser: %j",
    (text) => {
      expect(shapeProblem(text, { depthMax: 1, partsMax: 1 })).toBeNull();
    },
  );

  it("stops at the first level too many", () => {
    expect(shapeProblem("[".repeat(50_000_000), { ...free, depthMax: 64 })).toBe("is nested deeper than 64 levels");
  });

  it.each(['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":{"c":1}}}]', '{"__proto__":1,"__proto__":2}'])(
    "counts more members than %s has when it is parsed",
    (text) => expect(jsonShape(text, free).members).toBeGreaterThan(membersIn(JSON.parse(text))),
  );
});
