import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { urlCharactersMax } from "../../../src/core/limits.js";
import { parseNodeUrl } from "../../../src/registry/address/node-url.js";

describe("parseNodeUrl", () => {
  it("takes a URL of exactly the longest length", () => {
    const url = `http://node1/${"a".repeat(urlCharactersMax - "http://node1/".length)}`;
    expect(parseNodeUrl(url)).toBe(url);
  });

  it("never repeats a password in its message", () => {
    for (const text of ["http://u:secret@node1", "ftp://u:secret@node1", "http://u:secret@no de", "http://u:secret@"]) {
      expect(refusal(text)).not.toContain("secret");
    }
  });

  it("takes what it returns, unchanged, and never lets an address of 169.254.0.0/16 through", () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ["http", "https"] }), (text) => {
        const url = parseNodeUrl(text);
        expect(parseNodeUrl(url)).toBe(url);
        expect(url).not.toMatch(/\/$/);
      }),
    );
    fc.assert(
      fc.property(fc.nat(0xffff), fc.constantFrom(8, 10, 16), (low, radix) => {
        const prefix = { 8: "0", 10: "", 16: "0x" }[radix];
        expect(refusal(`http://${prefix}${(0xa9fe0000 + low).toString(radix)}/`)).toContain("link-local");
      }),
    );
  });
});

function refusal(text: string): string {
  try {
    return `Not refused: ${parseNodeUrl(text)}`;
  } catch (error) {
    if (error instanceof ShardgateError && error.code === "BAD_REQUEST") return error.message;
    throw error;
  }
}
