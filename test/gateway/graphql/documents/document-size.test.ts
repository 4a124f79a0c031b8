/** What counts towards each bound of a document, and that counting stops at the bound. */
import { parse } from "graphql";
import { describe, expect, it } from "vitest";
import { defaultBounds, type GatewayBounds } from "../../../../src/core/bounds.js";
import {
  checkDocumentSize,
  hasFragmentCycle,
  graphqlComparisonsMax,
} from "../../../../src/gateway/graphql/documents/document-size.js";

const roomy: GatewayBounds = {
  ...defaultBounds,
  documentFields: 100_000,
  rootFields: 10_000,
  documentDefinitions: 10_000,
};

function check(text: string, bounds: Partial<GatewayBounds> = {}): string {
  try {
    checkDocumentSize(parse(text), { ...roomy, ...bounds });
    return "fits";
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}

/** The smallest bound within which the document fits; with one less it is refused with `code`. */
function size(text: string, bound: keyof GatewayBounds, code: string): number {
  let number = 0;
  while (check(text, { [bound]: number }) === code) number++;
  expect(check(text, { [bound]: number })).toBe("fits");
  return number;
}

function times(count: number, of: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => of(index)).join(" ");
}

describe("the size of a document", () => {
  it.each([
    ["{ a }", 1],
    ["{ a { b { c } } d }", 3],
    ["{ a { ...f } } fragment f on T { b { c } }", 3],
    ["{ ...f } fragment f on T { ...g } fragment g on T { a { b } }", 2],
    ["{ a { ... on T { ... { b } } } }", 4],
    ["{ a { b } a { b { c } } }", 3],
    ["{ a } fragment unused on T { a { b } }", 2],
  ])("has the depth of its braces, and of the fields of its fragments: %s", (text, depth) => {
    expect(size(text, "documentDepth", "DOCUMENT_TOO_DEEP")).toBe(depth);
  });

  it.each([
    ["{ a b a }", 3],
    ["{ a { b } a { c } }", 4],
    ["{ ...f ...f } fragment f on T { a }", 3],
    ["{ a { ...f } b { ...f } } fragment f on T { c d }", 8],
    ["{ ... on T { a } ... @skip(if: true) { a } }", 4],
    ["query x { a } query y { a b } fragment unused on T { c }", 4],
    ["{ ...f } fragment f on T { a } fragment f on T { b c }", 4],
    ["{ ...nowhere a }", 2],
  ])("counts each field as often as it would be executed: %s", (text, fields) => {
    expect(size(text, "documentFields", "TOO_MANY_FIELDS")).toBe(fields);
  });

  it.each([
    ["{ a b a: c }", 2],
    ["{ ...f b } fragment f on T { a b }", 2],
    ["{ a } query y { a b c }", 3],
    ["{ a { b c d } }", 1],
  ])("has the number of root fields of its widest operation: %s", (text, fields) => {
    expect(size(text, "rootFields", "TOO_MANY_ROOT_FIELDS")).toBe(fields);
  });

  it("counts aliases and directives wherever they are written", () => {
    const text =
      "query ($v: Int @a) @a { x: b @a { y: b } ...f @a ... @a { z: b } } fragment f on T @a { b @a @a } fragment g on T { w: b }";
    expect(size(text, "documentAliases", "TOO_MANY_ALIASES")).toBe(4);
    expect(size(text, "documentDirectives", "TOO_MANY_DIRECTIVES")).toBe(8);
  });

  it("leaves definitions other than operations and fragments to validation", () => {
    expect(check("type T { a: Int } extend type T { b: Int }")).toBe("fits");
  });
});

describe("fragments", () => {
  it("that double with every level are refused after as many steps as fields are allowed", () => {
    const doubling = times(60, (level) => `fragment f${level} on T { a { ...f${level + 1} } b { ...f${level + 1} } }`);
    const text = `{ ...f0 } ${doubling} fragment f60 on T { c }`;
    expect(check(text, { documentDepth: 100 })).toBe("TOO_MANY_FIELDS");
  });

  it.each([
    ["{ ...a } fragment a on T { ...a }", true],
    ["{ ...a } fragment a on T { x { ... { ...b } } } fragment b on T { ...a }", true],
    ["{ x } fragment a on T { ...b } fragment b on T { ...b }", true],
    ["{ ...a ...b } fragment a on T { ...b ...c } fragment b on T { ...c } fragment c on T { x }", false],
    ["{ ...a } fragment a on T { ...nowhere }", false],
  ])("are checked for cycles: %s: cycle %s", (text, isCyclic) => {
    expect(hasFragmentCycle(parse(text))).toBe(isCyclic);
    if (isCyclic) expect(check(text)).toBe("fits");
  });
});

describe("the number of comparisons in a validation", () => {
  const pairs = (count: number): number => (count * (count - 1)) / 2;
  const most = Math.floor((1 + Math.sqrt(1 + 8 * graphqlComparisonsMax)) / 2);

  it.each([
    ["fields of one name", (count: number) => `{ ${"a ".repeat(count)} }`],
    [
      "fields of one name through a fragment",
      (count: number) => `{ ...f } fragment f on T { a { ${"b ".repeat(count)} } }`,
    ],
    ["fields of one name in several objects that become one", (count: number) => `{ ${"a { b } ".repeat(count)} }`],
    [
      "fragments",
      (count: number) =>
        `{ ${times(count, (n) => `...f${n}`)} } ${times(count, (n) => `fragment f${n} on T { a${n} }`)}`,
    ],
  ])("is bounded for %s", (_what, text) => {
    expect(pairs(most)).toBeLessThanOrEqual(graphqlComparisonsMax);
    expect(check(text(10))).toBe("fits");
    expect(check(text(most + 1))).toBe("TOO_MANY_FIELDS");
  });
});

describe("an introspection", () => {
  it("is refused when its lists would multiply", () => {
    const names = times(80, (index) => `a${index}: name`);
    expect(check(`{ __schema { types { fields { type { fields { ${names} } } } } } }`)).toBe("TOO_MANY_FIELDS");
    expect(check(`{ __schema { types { fields { ${names} } } } }`)).toBe("fits");
    expect(check(`{ a { types { fields { type { fields { ${names} } } } } } }`)).toBe("fits");
  });
});
