import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonFault, jsonFaultAt } from "../../../src/core/text/json-fault.js";

describe("jsonFault", () => {
  it.each([
    ["", "it is empty"],
    [" ", "it ends too early"],
    ["{", "it ends too early"],
    ['{"a"', "it ends too early"],
    ['{"a":', "it ends too early"],
    ['{"a":1', "it ends too early"],
    ["[1,", "it ends too early"],
    ['"abc', "it ends too early"],
    ['{"a":1}}', 'unexpected "}" at line 1, column 8'],
    ["{x", 'unexpected "x" at line 1, column 2'],
    ['{"a" 1}', 'unexpected "1" at line 1, column 6'],
    ['{"a":}', 'unexpected "}" at line 1, column 6'],
    ['{"a":1,}', 'unexpected "}" at line 1, column 8'],
    ["[1,]", 'unexpected "]" at line 1, column 4'],
    ["[1}", 'unexpected "}" at line 1, column 3'],
    ["[1 2]", 'unexpected "2" at line 1, column 4'],
    ["[\n 1,\r\n 'a']", 'unexpected "\'" at line 3, column 2'],
    ["01", 'unexpected "1" at line 1, column 2'],
    ["-", 'unexpected "-" at line 1, column 1'],
    ["1.", 'unexpected "." at line 1, column 2'],
    ["undefined", 'unexpected "undefined" at line 1, column 1'],
    ["nul", 'unexpected "nul" at line 1, column 1'],
    ["truely", 'unexpected "ly" at line 1, column 5'],
    ['"a\nb"', 'unexpected "\\n" at line 1, column 3'],
    ['"\\x"', 'unexpected "\\\\" at line 1, column 2'],
    ['"\\u12"', 'unexpected "\\\\" at line 1, column 2'],
    ["\ufeff1", 'unexpected "\ufeff" at line 1, column 1'],
    ["😀", 'unexpected "😀" at line 1, column 1'],
    [`<${"x".repeat(500)}`, 'unexpected "<" at line 1, column 1'],
    ["x".repeat(500), `unexpected "${"x".repeat(20)}" at line 1, column 1`],
  ])("describes the fault in %j: %s", (text, fault) => {
    expect(jsonFault(text)).toBe(fault);
  });

  it("finds a fault exactly in texts that JSON.parse refuses, and never before the prefix that could still become JSON", () => {
    const texts = fc.oneof(
      fc.json(),
      fc.string({ unit: fc.constantFrom(...'{}[]":,\\u01e-+.tnabcdef \n'.split(""), "true", "null", '"a"') }),
      fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, place, other]) => {
        const at = place % (json.length + 1);
        return json.slice(0, at) + other + json.slice(at + 1);
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const at = jsonFaultAt(text);
        expect(at === null).toBe(isJson(text));
        // The text before the fault is valid: if it ends there, it ends too early, or is JSON.
        if (at !== null) expect([at, null]).toContain(jsonFaultAt(text.slice(0, at)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads megabytes within a moment, whatever they contain", () => {
    for (const text of [`"${"a\\n".repeat(1_000_000)}`, "[".repeat(1_000_000), `[${"1,".repeat(1_000_000)}`]) {
      expect(jsonFault(text)).toBe("it ends too early");
    }
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
