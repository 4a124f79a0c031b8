/**
 * The one table of what may be a storage node's address: what a registration makes of each, from the text that it came as to
 * what its name resolves to, and whether a connection would be made to it all the same.
 */
import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { connectTimeoutMs, urlCharactersMax } from "../../../src/core/limits.js";
import { NodeAllowList } from "../../../src/registry/address/node-allow-list.js";
import { NodeGuard, type Resolve } from "../../../src/registry/address/node-guard.js";
import { bareHost, parseNodeUrl } from "../../../src/registry/address/node-url.js";
import { FakeClock } from "../../support/fake-clock.js";
import { resolver } from "../../support/node-names.js";

interface Rules {
  /** As `--allow-nodes` has it; null: every address but the reserved ones. */
  readonly allow?: string | null;
  readonly isHttpsOnly?: boolean;
  readonly resolve?: Resolve;
}

const clock = new FakeClock();

function guardOf({ allow = null, isHttpsOnly = false, resolve = resolver }: Rules = {}): NodeGuard {
  return new NodeGuard({ allowList: allow === null ? null : new NodeAllowList(allow), isHttpsOnly, resolve, clock });
}

/** The URL that is registered, or the refusal's message. */
async function registered(text: string, rules: Rules = {}): Promise<string> {
  try {
    const url = parseNodeUrl(text);
    await guardOf(rules).check(url);
    return url;
  } catch (error) {
    if (error instanceof ShardgateError && error.code === "BAD_REQUEST") return error.message;
    throw error;
  }
}

/** Why no connection would be made to this URL if it stood in the registry all the same. */
function connectionProblem(text: string): string | null {
  const url = new URL(text);
  return isIP(bareHost(url.hostname)) === 0 ? null : guardOf().problem(url);
}

/** Text, and the URL as it is registered. */
const taken = [
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
] as const;

const metadata = [
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
] as const;

/** Text, and the kind of address. */
const reserved = [
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
] as const;

/** Text, and what its form lacks. */
const malformed = [
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
] as const;

/** URL, list of allowed storage nodes, and the problem; null: none. */
const listed: readonly (readonly [url: string, allow: string | null, problem: string | null])[] = [
  ["http://good.example", null, null],
  ["http://both.example", null, null],
  ["http://unknown.example", null, null],
  ["http://none.example", null, null],
  ["http://127.0.0.1:4001", null, null],
  ["http://evil.example", null, "names evil.example, which is at 169.254.169.254, a link-local or metadata address"],
  ["http://evil.example.", null, "names evil.example, which is at 169.254.169.254, a link-local or metadata address"],
  [
    "http://evil6.example",
    null,
    "names evil6.example, which is at 64:ff9b::a9fe:a9fe, a link-local or metadata address",
  ],
  ["http://[ff02::1]", null, "names ff02::1, a multicast or broadcast address"],
  ["http://10.0.0.1", "10.0.0.0/8", null],
  ["http://0xa.1", "10.0.0.0/8", null],
  ["http://[::ffff:10.0.0.1]", "10.0.0.0/8", null],
  ["http://127.0.0.1", "10.0.0.0/8", "names 127.0.0.1, which the gateway does not allow"],
  ["http://[::1]", "10.0.0.0/8", "names ::1, which the gateway does not allow"],
  ["http://good.example", "10.0.0.0/8", null],
  [
    "http://node1.internal",
    "10.0.0.0/8",
    "names node1.internal, which is at 192.168.0.1, which the gateway does not allow",
  ],
  ["http://node1.internal", "10.0.0.0/8,internal", null],
  ["http://node1.internal", "internal", null],
  ["http://node1.internal.", "internal", null],
  ["http://good.example", "internal", "names good.example, which the gateway does not allow"],
  ["http://unknown.example", "internal", "names unknown.example, which the gateway does not allow"],
  ["http://10.0.0.1", "internal", "names 10.0.0.1, which the gateway does not allow"],
  [
    "http://evil.example",
    "evil.example,0.0.0.0/0",
    "names evil.example, which is at 169.254.169.254, a link-local or metadata address",
  ],
];

describe("the address of a storage node", () => {
  it.each(taken)("%s is registered as %s", async (text, url) => {
    expect(await registered(text)).toBe(url);
    expect(connectionProblem(text)).toBeNull();
  });

  it.each(metadata)("%s is refused as a link-local or metadata address", async (text) => {
    expect(await registered(text)).toMatch(/names .*, a link-local or metadata address\.$/);
    if (isIP(bareHost(new URL(text).hostname)) !== 0) expect(connectionProblem(text)).toContain("link-local");
  });

  it.each(reserved)("%s is refused as %s", async (text, kind) => {
    expect(await registered(text)).toMatch(new RegExp(`names .*, ${kind}\\.$`));
    expect(connectionProblem(text)).toContain(kind);
  });

  it.each(malformed)("%j is refused", async (text, problem) => {
    expect(await registered(text)).toMatch(new RegExp(problem));
  });

  it.each(listed)("%s with the list %s, whatever its form was found to be", async (url, allow, problem) => {
    const message = problem === null ? null : `The storage node's URL ${problem}.`;
    const checking = guardOf({ allow }).check(url);
    if (message === null) await checking;
    else await expect(checking).rejects.toMatchObject({ code: "BAD_REQUEST", message });
    const answer = await registered(url, { allow });
    expect(answer.startsWith("The storage node's URL")).toBe(message !== null);
  });

  it("has to begin with https where the gateway demands it", async () => {
    expect(await registered("http://good.example", { isHttpsOnly: true })).toBe(
      "The storage node's URL does not start with https://, which the gateway requires.",
    );
    expect(await registered("https://good.example", { isHttpsOnly: true })).toBe("https://good.example");
  });

  it("is not waited for when the resolver hangs", async () => {
    const checking = registered("http://slow.example", { resolve: () => new Promise(() => {}) });
    await clock.advance(connectTimeoutMs);
    expect([await checking, clock.pendingTimers]).toEqual(["http://slow.example", 0]);
  });
});
