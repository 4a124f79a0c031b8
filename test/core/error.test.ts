import { describe, expect, it } from "vitest";
import { adviceOf, errorRules, isErrorCode, ShardgateError, unreachable } from "../../src/core/error.js";

describe("the closed list of codes", () => {
  it("gives every code an HTTP error status and advice", () => {
    for (const rule of Object.values(errorRules)) {
      expect(rule.httpStatus).toBeGreaterThanOrEqual(400);
      expect(rule.httpStatus).toBeLessThan(600);
      expect(rule.advice).toMatch(/^[A-Z`].*\.$/);
    }
  });

  it("has advice that fits reads and writes, gateways and storage nodes, and every protocol", () => {
    for (const [code, { advice }] of Object.entries(errorRules)) {
      if (code !== "EXPIRY_PASSED") expect(advice, code).not.toMatch(/written/);
      expect(advice, code).not.toMatch(/`force`|`?--force|(GET|POST|PUT|DELETE) \/|`shardgate node ls/);
    }
  });

  it("adds for writes that nothing was written, where that is certain", () => {
    for (const code of ["SHARD_UNAVAILABLE", "STORAGE_FULL", "STORAGE_FAILED"] as const) {
      expect(adviceOf(code, true)).toBe(`Nothing was written. ${errorRules[code].advice}`);
      expect(adviceOf(code, false)).toBe(errorRules[code].advice);
    }
    expect(adviceOf("OUTCOME_UNKNOWN", true)).toBe(errorRules.OUTCOME_UNKNOWN.advice);
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
  it("throws and shows the value", () => {
    expect(() => unreachable({ kind: "new" } as never)).toThrowError('Unreachable: {"kind":"new"}');
  });
});
