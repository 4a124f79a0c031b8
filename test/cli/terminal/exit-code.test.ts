import { describe, expect, it } from "vitest";
import { exitCodeOf, worstExitCode } from "../../../src/cli/terminal/exit-code.js";
import { errorRules, type ErrorCode } from "../../../src/core/error.js";

const codes = Object.keys(errorRules) as ErrorCode[];

describe("exitCodeOf", () => {
  it.each([
    ["KEY_NOT_FOUND", 3],
    ["VERSION_CONFLICT", 4],
    ["ASSIGNMENT_WOULD_HIDE_DATA", 4],
    ["SHARD_UNAVAILABLE", 5],
    ["INVALID_VALUE", 2],
    ["FORBIDDEN", 6],
    ["UNAUTHENTICATED", 6],
    ["INTERNAL_SERVER_ERROR", 1],
  ] as const)("returns a code of its own for %s", (code, exitCode) => {
    expect(exitCodeOf(code)).toBe(exitCode);
  });

  it("returns unavailable only if a retry may help, so that scripts may repeat the command", () => {
    for (const code of codes) {
      if (exitCodeOf(code) === 5) expect(errorRules[code].isRetryable, code).toBe(true);
    }
    expect(exitCodeOf("OUTCOME_UNKNOWN")).toBe(1);
  });
});

describe("worstExitCode", () => {
  it("ranks failures before refusals, unavailability, conflicts and missing keys", () => {
    expect(worstExitCode([3, 4, 5, 6, 2, 1])).toBe(1);
    expect(worstExitCode([3, 4, 5, 6])).toBe(6);
    expect(worstExitCode([3, 4, 5])).toBe(5);
    expect(worstExitCode([3, 4])).toBe(4);
    expect(worstExitCode([3])).toBe(3);
    expect(worstExitCode([])).toBe(0);
  });
});
