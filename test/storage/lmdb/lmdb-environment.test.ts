import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import type { Databases } from "../../../src/storage/lmdb/records/databases.js";
import { LmdbEnvironment } from "../../../src/storage/lmdb/lmdb-environment.js";

interface Script {
  /** The error of a read after the commit; null if it succeeds. */
  readonly afterwards: unknown;
  /** The error of the commit. */
  readonly failure: unknown;
  /** Whether LMDB ran the change. */
  readonly isRun: boolean;
}

/** An environment whose commits fail. */
function failing({ afterwards, failure, isRun }: Script): LmdbEnvironment {
  let isTried = false;
  const databases = {
    root: { resetReadTxn() {} },
    documents: {
      get() {
        if (isTried && afterwards !== null) throw afterwards;
      },
    },
    records: {
      async childTransaction(change: () => unknown) {
        isTried = true;
        if (isRun) change();
        throw failure;
      },
    },
  };
  return new LmdbEnvironment("data/node1", databases as unknown as Databases);
}

const givenUp = Object.assign(new Error("MDB_PANIC"), { code: -30795 });
const failure = Object.assign(new Error("Input/output error"), { code: 1 });

describe("a commit that fails", () => {
  it("has an unknown outcome when LMDB panicked", async () => {
    const commit = failing({ afterwards: givenUp, failure, isRun: true }).commit(() => 1);
    await expect(commit).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", message: expect.stringContaining("node1") });
  });

  it.each<readonly [string, Script]>([
    ["when LMDB goes on", { afterwards: null, failure, isRun: true }],
    ["when reads fail for another reason", { afterwards: new Error("closed"), failure, isRun: true }],
    ["when the change was not run", { afterwards: givenUp, failure, isRun: false }],
  ])("has certainly not happened %s", async (_, script) => {
    await expect(failing(script).commit(() => 1)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("rethrows the error of the change itself", async () => {
    const refusal = new ShardgateError("BAD_REQUEST", "No.");
    const commit = failing({ afterwards: null, failure, isRun: true }).commit(() => {
      throw refusal;
    });
    await expect(commit).rejects.toBe(refusal);
  });
});
