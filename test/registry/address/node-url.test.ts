import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { urlCharactersMax } from "../../../src/core/limits.js";
import { parseNodeUrl } from "../../../src/registry/address/node-url.js";

describe("parseNodeUrl", () => {
  it.each([
    ["http://127.0.0.1:4001", "http://127.0.0.1:4001"],
    ["http://127.0.0.1:4001/", "http://127.0.0.1:4001"],
    ["HTTP://Node1.Example:80/", "http://node1.example"],
    ["https://node1.example:8443/base/path//", "https://node1.example:8443/base/path"],
    ["http://node1/a/../b", "http://node1/b"],
    ["http://[::1]:4001/", "http://[::1]:4001"],
    ["http://localhost:4001", "http://localhost:4001"],
    // Private networks and loopback, in any spelling, are where storage nodes live.
    ["http://0x7f.1:4001", "http://127.0.0.1:4001"],
    ["http://10.0.0.7:4001", "http://10.0.0.7:4001"],
    ["http://169.253.255.255", "http://169.253.255.255"],
    ["http://169.255.0.0", "http://169.255.0.0"],
    ["http://[fec0::1]", "http://[fec0::1]"],
    ["http://[::ffff:127.0.0.1]:4001", "http://[::ffff:7f00:1]:4001"],
    ["http://metadata.example", "http://metadata.example"],
    ["http://nöde.example", "http://xn--nde-sna.example"],
  ])("takes %s as %s", (text, url) => {
    expect(parseNodeUrl(text)).toBe(url);
  });

  it.each([
    "http://169.254.169.254",
    "http://169.254.169.254./latest/meta-data",
    "http://169.254.0.1:80",
    "http://169.254.170.2",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://0xa9.0xfe.0xa9.0xfe",
    "http://0251.0376.0251.0376",
    "http://169.254.43518",
    "http://%31%36%39.254.169.254",
    "http://１６９.254.169.254",
    "http://169。254。169。254",
    "http://[::ffff:169.254.169.254]",
    "http://[::ffff:a9fe:a9fe]:80",
    "http://[0:0:0:0:0:ffff:a9fe:1]",
    "http://[::169.254.169.254]",
    "http://[64:ff9b::169.254.169.254]",
    "http://[2002:a9fe:a9fe::1]",
    "http://[fe80::1]",
    "http://[FE80:0:0::1]",
    "http://[febf::1]",
    "http://[fd00:ec2::254]",
    "http://[fd00:0ec2:0:0:0:0:0:0254]",
    "http://100.100.100.200",
    "http://[::ffff:100.100.100.200]",
    "http://[64:ff9b::100.100.100.200]",
    "http://[2002:6464:64c8::]",
    "http://metadata.google.internal",
    "http://METADATA.google.internal.:80/computeMetadata/v1",
    "http://metadata",
    "http://metadata.goog",
  ])("refuses the link-local or metadata address %s", (text) => {
    expect(refusal(text)).toMatch(/names .*, a link-local or metadata address\.$/);
  });

  it.each([
    ["http://0.0.0.0:4001", "an unspecified address"],
    ["http://0", "an unspecified address"],
    ["http://0x0.0", "an unspecified address"],
    ["http://[::]:4001", "an unspecified address"],
    ["http://[::ffff:0.0.0.0]", "an unspecified address"],
    ["http://224.0.0.1", "a multicast or broadcast address"],
    ["http://4294967295", "a multicast or broadcast address"],
    ["http://0377.255.0xffff", "a multicast or broadcast address"],
    ["http://[ff02::1]", "a multicast or broadcast address"],
    ["http://[64:ff9b::255.255.255.255]", "a multicast or broadcast address"],
    ["http://[2001:0:a9fe:a9fe::1]", "an address that hides another one"],
    ["http://168.63.129.16", "a link-local or metadata address"],
    ["http://[fd20:ce::254]", "a link-local or metadata address"],
  ])("refuses %s, %s", (text, kind) => {
    expect(refusal(text)).toMatch(new RegExp(`names .*, ${kind}\\.$`));
  });

  it.each([
    ["file:///etc/passwd", "does not start with http"],
    ["ftp://node1", "does not start with http"],
    ["gopher://node1", "does not start with http"],
    ["javascript:alert(1)", "does not start with http"],
    ["unix:///var/run/docker.sock", "does not start with http"],
    ["node1:4001", "does not start with http"],
    ["//node1:4001", "does not start with http"],
    ["http:node1", "does not start with http"],
    ["", "does not start with http"],
    ["http://", "cannot be parsed"],
    ["http://:4001", "cannot be parsed"],
    ["http://node1:99999", "cannot be parsed"],
    ["http://node1:0", "has port 0"],
    ["https://127.0.0.1:00000/base", "has port 0"],
    ["http://[::1", "cannot be parsed"],
    ["http://[fe80::1%25eth0]", "cannot be parsed"],
    ["http://1.2.3.4.5", "cannot be parsed"],
    ["http://a%00b", "cannot be parsed"],
    ["http://user@node1", "user name or password"],
    ["http://user:secret@node1", "user name or password"],
    ["http://:secret@node1", "user name or password"],
    ["http://node1\\@169.254.169.254:80@other", "or a backslash"],
    ["http://node1?", "query, a fragment or a backslash"],
    ["http://node1/?shard=1", "query, a fragment or a backslash"],
    ["http://node1/#", "query, a fragment or a backslash"],
    ["http://node1/#top", "query, a fragment or a backslash"],
    [" http://node1", "white space or control"],
    ["http://node1 ", "white space or control"],
    ["http://no de1", "white space or control"],
    ["http://node1/\r\nX-Injected: 1", "white space or control"],
    ["http://no\tde1", "white space or control"],
    ["http://node1/\u0000", "white space or control"],
    ["http://node1/\u0085", "white space or control"],
    ["http://node1/\u00a0", "white space or control"],
    [`http://node1/${"a".repeat(urlCharactersMax)}`, "longer than 2048"],
    [`http://node1/${"ü".repeat(urlCharactersMax / 2)}`, "longer than 2048 characters when escaped"],
  ])("refuses %j", (text, problem) => {
    expect(refusal(text)).toMatch(new RegExp(problem));
  });

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
