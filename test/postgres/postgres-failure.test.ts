import pg from "pg";
import { describe, expect, it } from "vitest";
import {
  failureOf,
  isRefusal,
  meansSearch,
  PostgresFailure,
  reasonOf,
  withOutcome,
} from "../../src/postgres/postgres-failure.js";

describe("isRefusal", () => {
  it.each([
    ["ERROR", "23505", true],
    ["ERROR", "53100", true],
    ["ERROR", "57P01", true],
    ["FATAL", "57P01", false],
    ["FATAL", "25P03", false],
    ["PANIC", "53100", false],
    ["FATAL", "42501", false],
    ["FEHLER", "23505", true],
    ["FEHLER", "40001", true],
    ["FEHLER", "57014", true],
    ["FEHLER", "25P03", false],
    ["FEHLER", "53100", false],
    ["FEHLER", "57P01", false],
    ["FEHLER", "XX000", false],
  ])("of severity %s and code %s is %s", (severity, code, expected) => {
    expect(isRefusal(databaseError(severity, code))).toBe(expected);
  });

  it("is false for everything that the server did not answer", () => {
    expect(isRefusal(new Error("ECONNRESET"))).toBe(false);
    expect(isRefusal(new pg.DatabaseError("no fields", 0, "error"))).toBe(false);
  });
});

describe("meansSearch", () => {
  it.each([
    ["25006", true],
    ["57P03", true],
    ["08006", true],
    ["57014", false],
    ["23505", false],
    [null, false],
  ])("of %s is %s", (code, expected) => expect(meansSearch(code)).toBe(expected));
});

describe("a PostgresFailure", () => {
  it("is the same with another outcome, cause included", () => {
    const cause = databaseError("ERROR", "23505");
    const failure = new PostgresFailure("refused", { outcome: "unknown", sqlState: "23505", cause });
    expect(withOutcome(failure, "unknown")).toBe(failure);
    expect(withOutcome(failure, "nothing")).toMatchObject({
      message: "refused",
      outcome: "nothing",
      sqlState: "23505",
      cause,
    });
  });

  it("says of a connection that was not opened that nothing was written", () => {
    expect(failureOf(databaseError("FATAL", "28P01"))).toMatchObject({ outcome: "nothing", sqlState: "28P01" });
    expect(failureOf("odd")).toMatchObject({ outcome: "nothing", sqlState: null, message: "odd" });
    expect(failureOf(new PostgresFailure("lost", { outcome: "unknown" }))).toMatchObject({ outcome: "nothing" });
  });
});

describe("reasonOf", () => {
  it("names each address of a name that could not be reached, and an error without message by its name", () => {
    expect(reasonOf(new AggregateError([new Error("one"), new TypeError("")]))).toBe("one; TypeError");
  });
});

function databaseError(severity: string, code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError("refused", 0, "error"), { severity, code });
}
