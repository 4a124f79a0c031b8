import { describe, expect, it } from "vitest";
import { errorRules, isErrorCode, ShardgateError, unreachable } from "../../src/core/error.js";

describe("the closed list of codes", () => {
  it("gives every code an HTTP error status and advice", () => {
    for (const rule of Object.values(errorRules)) {
      expect(rule.httpStatus).toBeGreaterThanOrEqual(400);
      expect(rule.httpStatus).toBeLessThan(600);
      expect(rule.advice).toMatch(/^[A-Z`].*\.$/);
    }
  });

  it("recognises its own codes and nothing else", () => {
    expect(isErrorCode("STALE_EPOCH")).toBe(true);
    for (const other of ["toString", "stale_epoch", "", 7, null]) expect(isErrorCode(other)).toBe(false);
  });
});

describe("ShardgateError", () => {
  it("carries code, rule, details and cause", () => {
    const cause = new Error("disk");
    const error = new ShardgateError("STORAGE_FULL", "No space at node1.", { node: "node1" }, cause);
    expect(error).toMatchObject({
      code: "STORAGE_FULL",
      message: "No space at node1.",
      details: { node: "node1" },
      cause,
    });
    expect(error.rule).toMatchObject({ httpStatus: 507, isRetryable: true });
    expect("cause" in new ShardgateError("BAD_REQUEST", "x")).toBe(false);
  });
});

describe("unreachable", () => {
  it("crashes and shows what came", () => {
    expect(() => unreachable({ kind: "new" } as never)).toThrowError('Unreachable: {"kind":"new"}');
  });
});
