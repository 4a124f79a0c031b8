import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Grant, Role } from "../../../src/gateway/access/grant.js";
import { Permissions } from "../../../src/gateway/access/permissions.js";

/** Few letters, so that texts are often prefixes of each other. */
const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "é", "😀"), maxLength: 5 });
const keyGrant = fc.record({ role: fc.constantFrom<Role>("read", "write"), prefix: text });
const adminGrant = fc.constant<Grant>({ role: "admin", prefix: "" });
const grant: fc.Arbitrary<Grant> = fc.oneof({ weight: 9, arbitrary: keyGrant }, { weight: 1, arbitrary: adminGrant });
const grants = fc.array(grant, { maxLength: 6 });

/** The rules in their simplest form, regardless of speed. */
function may(role: "read" | "write", given: readonly Grant[], key: string): boolean {
  return given.some((grant) => key.startsWith(grant.prefix) && (role === "read" || grant.role !== "read"));
}

describe("permissions", () => {
  it("equal the union of the grants", () => {
    fc.assert(
      fc.property(grants, text, (given, key) => {
        const permissions = new Permissions(given);
        expect(permissions.mayRead(key)).toBe(may("read", given, key));
        expect(permissions.mayWrite(key)).toBe(may("write", given, key));
      }),
    );
  });

  it("include reading wherever writing is allowed", () => {
    fc.assert(
      fc.property(grants, text, (given, key) => {
        const permissions = new Permissions(given);
        if (permissions.mayWrite(key)) expect(permissions.mayRead(key)).toBe(true);
      }),
    );
  });

  it("allow administrators everything, and only them to change the cluster", () => {
    fc.assert(
      fc.property(grants, text, (given, key) => {
        const permissions = new Permissions(given);
        expect(permissions.isAdmin).toBe(given.some(({ role }) => role === "admin"));
        if (permissions.isAdmin) expect([permissions.mayRead(key), permissions.mayWrite(key)]).toEqual([true, true]);
      }),
    );
  });

  it("cover every longer key when they cover a prefix", () => {
    fc.assert(
      fc.property(grants, text, text, (given, prefix, rest) => {
        const permissions = new Permissions(given);
        if (permissions.mayRead(prefix)) expect(permissions.mayRead(prefix + rest)).toBe(true);
        if (permissions.mayWrite(prefix)) expect(permissions.mayWrite(prefix + rest)).toBe(true);
      }),
    );
  });

  it("only grow with further grants, whose order and repetition do not matter", () => {
    fc.assert(
      fc.property(grants, grant, text, (given, more, key) => {
        const before = new Permissions(given);
        const after = new Permissions([more, ...given.toReversed(), more]);
        expect(after.mayRead(key)).toBe(before.mayRead(key) || may("read", [more], key));
        expect(after.mayWrite(key)).toBe(before.mayWrite(key) || may("write", [more], key));
      }),
    );
  });

  it("allow nothing without grants", () => {
    const { mayReadAll, mayWriteAll, isAdmin } = new Permissions([]);
    expect([mayReadAll, mayWriteAll, isAdmin]).toEqual([false, false, false]);
  });

  it("report whether they cover the whole key space", () => {
    const all = new Permissions([
      { role: "read", prefix: "" },
      { role: "write", prefix: "a" },
    ]);
    expect([all.mayReadAll, all.mayWriteAll]).toEqual([true, false]);
    expect(new Permissions([{ role: "write", prefix: "" }]).mayReadAll).toBe(true);
  });
});
