import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseStaticTokens, staticTokenVerifier } from "../../../src/gateway/access/static-tokens.js";
import { FakeClock } from "../../support/fake-clock.js";

const sha256 = (token: string): string => createHash("sha256").update(token).digest("hex");
const entry = (token: string, more: object = {}) => ({
  name: "ada",
  sha256: sha256(token),
  grants: [{ role: "read", prefix: "a/" }],
  ...more,
});
const parse = (...entries: readonly object[]) => parseStaticTokens(JSON.stringify(entries));

describe("static tokens", () => {
  it("are recognised by their hashes alone", () => {
    const content = parse(entry("one"), entry("two", { name: "bob", grants: [{ role: "admin" }] }));
    const verifier = staticTokenVerifier({ content }, new FakeClock());
    expect(verifier.callerOf("one")).toMatchObject({ name: "ada", isNode: false });
    expect(verifier.callerOf("two")).toMatchObject({ name: "bob", permissions: { isAdmin: true } });
    for (const wrong of ["three", "", "One", sha256("one")]) expect(verifier.callerOf(wrong)).toBeNull();
  });

  it("are valid until they expire, to the millisecond", async () => {
    const clock = new FakeClock(Date.parse("2030-01-31T11:59:59.999Z"));
    const content = parse(entry("one", { expiresAt: "2030-01-31T13:00:00+01:00" }));
    const verifier = staticTokenVerifier({ content }, clock);
    expect(verifier.callerOf("one")).not.toBeNull();
    await clock.advance(1);
    expect(verifier.callerOf("one")).toBeNull();
  });

  it("are looked up in the current list", () => {
    const file = { content: parse(entry("one")) };
    const verifier = staticTokenVerifier(file, new FakeClock());
    file.content = parse();
    expect(verifier.callerOf("one")).toBeNull();
    file.content = parse(entry("two"));
    expect(verifier.callerOf("two")).not.toBeNull();
  });

  it("may have hashes in capitals", () => {
    const content = parse({ ...entry("one"), sha256: sha256("one").toUpperCase() });
    expect(staticTokenVerifier({ content }, new FakeClock()).callerOf("one")).not.toBeNull();
  });

  it.each([
    ["{", "It is not JSON."],
    ["{}", "It must be a JSON array of tokens."],
    ["[1]", "Token 1 must be a JSON object."],
    ["[[]]", "Token 1 must be a JSON object."],
    [[entry("a"), entry("a")], "Token 2 has the same hash as an earlier one."],
    [[entry("a", { expires: "x" })], 'Token 1 has a member "expires"'],
    [[entry("a", { name: "" })], "Token 1 needs a `name`"],
    [[entry("a", { name: "a\nb" })], "Token 1 needs a `name`"],
    [[entry("a", { name: "x".repeat(129) })], "Token 1 needs a `name`"],
    [[entry("a", { name: "anyone" })], "other than anyone, storage-node, nobody"],
    [[entry("a", { name: "storage-node" })], "Token 1 needs a `name`"],
    ['[{"name":"a","grants":[],"grants":[{"role":"admin"}]}]', 'It has the name "grants" twice in one object.'],
    [[entry("a", { sha256: "secret" })], "Token 1 needs `sha256`: 64 hexadecimal digits."],
    [[entry("a", { grants: undefined })], "Token 1 needs `grants`"],
    [[entry("a", { grants: Array.from({ length: 101 }, () => ({ role: "admin" })) })], "at most 100"],
    [[entry("a", { grants: ["read:a"] })], "A grant of Token 1 must be a JSON object."],
    [[entry("a", { grants: [{ role: "read", prefx: "a" }] })], "may have only `role` and `prefix`"],
    [[entry("a", { grants: [{ role: "read" }] })], "Token 1: `read` needs a prefix"],
    [[entry("a", { expiresAt: "2030-01-31" })], "Token 1 has an `expiresAt` that is not a timestamp"],
    [[entry("a", { expiresAt: "2030-13-31T12:00:00Z" })], "is not a timestamp"],
    [[entry("a", { expiresAt: "2030-02-31T12:00:00Z" })], "is not a timestamp"],
    [[entry("a", { expiresAt: 1 })], "is not a timestamp"],
  ])("are refused as %j, without their hashes in the message", (content, message) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const parsing = () => parseStaticTokens(text);
    expect(parsing).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
    expect(parsing).toThrow(message);
    expect(parsing).not.toThrow(/[0-9a-f]{32}|secret/);
  });
});
