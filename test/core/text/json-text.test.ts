import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compactJson,
  duplicateNameProblem,
  jsonElements,
  jsonMembers,
  jsonTextOf,
  jsonProblem,
  parseJsonBytes,
  parsedJsonProblem,
  parseJsonText,
} from "../../../src/core/text/json-text.js";

const whole = (text: string) => ({ start: 0, end: text.length });

describe("a text that is known to be JSON", () => {
  const small = { valueBytes: 60, valueDepth: 3 };
  /** JSON with repeated names, too deep, too long, or without such a problem. */
  const json = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom("1", '"a"', "null", '"\ud800"', '"{\\"a\\":1}"'),
      fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(fc.tuple(fc.constantFrom('"a"', '"b"', '"\\u0061"'), tie("value")), { maxLength: 3 })
        .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`),
    ),
  })).value;

  it("violates the same rules as a text that must be parsed, with or without its parsed value", () => {
    fc.assert(
      fc.property(json, (text) => {
        const problem = jsonProblem(text, small);
        expect(parsedJsonProblem(text, JSON.parse(text), small)).toBe(problem);
        expect(parsedJsonProblem(text, undefined, small)).toBe(problem);
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseJsonText", () => {
  it.each([
    "null",
    "9007199254740993",
    "12345678901234567890",
    "1e400",
    "1.10",
    "-0",
    ' {"b":1,\n "2":2, "1":3} ',
    '{"__proto__":{"constructor":1},"toJSON":2}',
    '"\\ud800"',
    '{"a":{"x":1},"b":{"x":1}}',
    '[{"a":1},{"a":1},"a","a"]',
    '{"a,{[":"}]","b":[]}',
    "[".repeat(64) + "]".repeat(64),
    `"${"x".repeat(1024 * 1024 - 2)}"`,
  ])("keeps %.40s unchanged", (text) => {
    expect(parseJsonText(text)).toBe(text);
  });

  it.each([
    ["", "is not JSON"],
    ["undefined", "is not JSON"],
    ["{'a':1}", "is not JSON"],
    ["01", "is not JSON"],
    ["NaN", "is not JSON"],
    ["1 2", "is not JSON"],
    ["\ufeff1", "is not JSON"],
    ['"\ud800"', "lone surrogate"],
    ['{"a":1,"a":2}', 'has the name "a" twice'],
    ['{"a":1,"\\u0061":2}', 'has the name "a" twice'],
    ['[{"x":{"y":[],"y":{}}}]', 'has the name "y" twice'],
    ["[".repeat(65) + "]".repeat(65), "nested deeper than 64"],
    ["[".repeat(20_000) + "]".repeat(20_000), "nested deeper than 64"],
    [`"${"x".repeat(1024 * 1024 - 1)}"`, "longer than 1048576 bytes"],
    [`"${"ü".repeat(512 * 1024)}"`, "longer than 1048576 bytes"],
  ])("refuses %.40s", (text, phrase) => {
    expect(() => parseJsonText(text)).toThrowError(
      expect.objectContaining({ code: "INVALID_VALUE", message: expect.stringContaining(phrase) }),
    );
  });

  it("accepts every text that JSON.stringify writes", () => {
    fc.assert(fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), (text) => parseJsonText(text) === text));
  });
});

describe("parseJsonBytes", () => {
  it("reads UTF-8", () => {
    expect(parseJsonBytes(Buffer.from('"grüße"'))).toBe('"grüße"');
  });

  it.each([[[0x22, 0xff, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]], [[0xef, 0xbb, 0xbf, 0x31]]])(
    "refuses bytes %j",
    (bytes) => {
      expect(() => parseJsonBytes(Uint8Array.from(bytes))).toThrowError(
        expect.objectContaining({ code: "INVALID_VALUE" }),
      );
    },
  );
});

describe("jsonTextOf", () => {
  it("writes parsed values", () => {
    expect(jsonTextOf({ a: [1, "x"] })).toBe('{"a":[1,"x"]}');
  });

  it("refuses values without a JSON form", () => {
    expect(() => jsonTextOf(undefined)).toThrowError(expect.objectContaining({ code: "INVALID_VALUE" }));
  });
});

describe("compactJson", () => {
  it("drops white space between tokens only", () => {
    expect(compactJson(parseJsonText(' { "a b" : [ 1 ,\r\n\t"\\" \\\\" ] } '))).toBe('{"a b":[1,"\\" \\\\"]}');
    expect(compactJson(parseJsonText("1.10"))).toBe("1.10");
  });

  it("does not change the meaning of the text", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const spaced = parseJsonText(JSON.stringify(value, null, 2));
        expect(compactJson(spaced)).toBe(JSON.stringify(value));
      }),
    );
  });
});

describe("finding values in a JSON text", () => {
  it("finds members with their exact text", () => {
    const text = ' { "a" : 1.10 , "b\\"c":[1, {"x":"]"}],"__proto__": {} ,"e":"}" } ';
    const members = jsonMembers(text, whole(text));
    expect([...(members ?? [])].map(([name, { start, end }]) => [name, text.slice(start, end)])).toEqual([
      ["a", "1.10"],
      ['b"c', '[1, {"x":"]"}]'],
      ["__proto__", "{}"],
      ["e", '"}"'],
    ]);
  });

  it("returns neither of two members with one name", () => {
    for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}']) {
      expect(() => jsonMembers(text, whole(text))).toThrow(expect.objectContaining({ code: "INVALID_VALUE" }));
    }
    const inside = '{"a":{"b":1,"b":2},"b":[1]}';
    expect(jsonMembers(inside, whole(inside))?.size).toBe(2);
  });

  it.each([
    ['{"a":1,"a":2}', 1, true],
    ['{"a":{"b":1,"b":2}}', 1, false],
    ['{"a":{"b":1,"b":2}}', 2, true],
    ['{"a":{"b":{"c":1,"c":2}},"a":3}', 1, true],
    ['{"a":[{"b":1,"b":2}],"c":1}', 2, false],
    ['{"a":{"b":{"b":1,"b":2}},"b":"a"}', 2, false],
  ])("checks %s no deeper than level %i", (text, levels, isFound) => {
    expect(duplicateNameProblem(text, levels) !== null).toBe(isFound);
  });

  it("finds elements with their exact text", () => {
    const text = '[ 1 , "a,]" ,[[]],{"a":[1]} ,null]';
    const elements = jsonElements(text, whole(text));
    expect(elements?.map(({ start, end }) => text.slice(start, end))).toEqual([
      "1",
      '"a,]"',
      "[[]]",
      '{"a":[1]}',
      "null",
    ]);
  });

  it("recognises empty containers, and returns null for other values", () => {
    expect(jsonMembers(" { } ", whole(" { } "))).toEqual(new Map());
    expect(jsonElements("[ ]", whole("[ ]"))).toEqual([]);
    expect(jsonMembers("[]", whole("[]"))).toBeNull();
    expect(jsonElements("{}", whole("{}"))).toBeNull();
  });

  it("counts backslashes before a closing quote", () => {
    const text = String.raw`["\\","\\\"",1]`;
    expect(jsonElements(text, whole(text))?.length).toBe(3);
  });

  it("throws rather than read past the end of text that is not JSON", () => {
    expect(() => jsonElements("[[1", whole("[[1"))).toThrowError(/not valid/);
    expect(() => jsonElements('["a', whole('["a'))).toThrowError(/not valid/);
  });

  it("splits every array into the texts of its elements", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const text = JSON.stringify(values, null, 1);
        const parts = jsonElements(text, whole(text)) ?? [];
        expect(parts.map(({ start, end }) => JSON.parse(text.slice(start, end)))).toEqual(JSON.parse(text));
      }),
    );
  });
});
