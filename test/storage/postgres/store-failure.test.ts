import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { PostgresFailure } from "../../../src/postgres/postgres-failure.js";
import { storeError } from "../../../src/storage/postgres/store-failure.js";

const failed = (sqlState: string | null, outcome: "nothing" | "unknown" = "nothing") =>
  storeError(new PostgresFailure("db1:5432 said no", { outcome, sqlState }));

describe("a failure of PostgreSQL", () => {
  it.each<readonly [string | null, string, string]>([
    ["53100", "STORAGE_FULL", "Free disk space at the database."],
    [null, "SHARD_UNAVAILABLE", "goes on searching for the primary"],
    ["25006", "SHARD_UNAVAILABLE", "goes on searching for the primary"],
    ["57P03", "SHARD_UNAVAILABLE", "goes on searching for the primary"],
    ["53300", "SHARD_UNAVAILABLE", "Raise max_connections"],
    ["55P03", "SHARD_UNAVAILABLE", "Another session holds the rows"],
    ["57014", "SHARD_UNAVAILABLE", "Another session holds the rows"],
    ["25P03", "SHARD_UNAVAILABLE", "silent within a transaction"],
    ["40P01", "SHARD_UNAVAILABLE", "Another session holds the rows"],
    ["28P01", "STORAGE_FAILED", "Check the user of --store"],
    ["3D000", "STORAGE_FAILED", "Create the database"],
    ["42501", "STORAGE_FAILED", "Grant the user of --store"],
    ["42P01", "STORAGE_FAILED", "Tables of the store are missing"],
    ["XX001", "STORAGE_FAILED", "Nothing was written."],
  ])("with SQLSTATE %s is %s, and its message says what to do", (sqlState, code, advice) => {
    const error = failed(sqlState);
    expect(error).toBeInstanceOf(ShardgateError);
    expect(error).toMatchObject({ code, message: expect.stringContaining("db1:5432 said no") });
    expect(error).toMatchObject({ message: expect.stringContaining(advice) });
  });

  it("whose outcome is unknown is OUTCOME_UNKNOWN, whatever the server said", () => {
    for (const sqlState of [null, "57P01", "53100"]) {
      expect(failed(sqlState, "unknown")).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    }
  });

  it("is passed on as it is when it is none of PostgreSQL", () => {
    const other = new RangeError("decided");
    expect(storeError(other)).toBe(other);
  });
});
