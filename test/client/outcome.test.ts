import { describe, expect, it } from "vitest";
import { orThrow, ShardgateOutcomeError, valueOf, type GetOutcome } from "../../src/client/index.js";

const entry = { key: "a", version: "1", createdAt: null, updatedAt: null, expiresAt: null };
const found = { kind: "found", value: 5, ...entry } as const;
const notFound = { kind: "notFound", key: "a", code: "KEY_NOT_FOUND", message: "None.", isRetryable: false } as const;
const unavailable: GetOutcome<number> = {
  kind: "unavailable",
  key: "a",
  code: "SHARD_UNAVAILABLE",
  message: "Down.",
  isRetryable: true,
  shard: 3,
};

describe("valueOf", () => {
  it("returns the value, or undefined for a key that does not exist", () => {
    expect(valueOf(found)).toBe(5);
    expect(valueOf<number>(notFound)).toBeUndefined();
  });

  it("throws the outcome when the key could not be read", () => {
    expect(() => valueOf(unavailable)).toThrow("Down. (SHARD_UNAVAILABLE)");
  });
});

describe("orThrow", () => {
  it("returns the outcome of a success", () => {
    const written = { kind: "written", value: 5, isNew: true, ...entry } as const;
    const deleted = { kind: "deleted", key: "a", version: null } as const;
    for (const outcome of [found, written, deleted]) expect(orThrow(outcome)).toBe(outcome);
  });

  it("throws every other outcome, including a missing key", () => {
    const error = (() => {
      try {
        return orThrow(notFound);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ShardgateOutcomeError);
    expect(error).toMatchObject({ name: "ShardgateOutcomeError", outcome: notFound, code: "KEY_NOT_FOUND" });
  });
});
