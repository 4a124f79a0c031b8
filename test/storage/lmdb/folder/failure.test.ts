import { describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../../../src/core/error.js";
import { storageError } from "../../../../src/storage/lmdb/folder/failure.js";

const statfs = vi.hoisted(() => vi.fn<(folder: string) => Promise<{ bavail: number; bsize: number }>>());
vi.mock("node:fs/promises", async (importOriginal) => ({ ...(await importOriginal<object>()), statfs }));

function lmdbError(message: string, code?: number | string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

describe("storageError", () => {
  it.each<number | string>([28, 122, -30792, "ENOSPC", "EDQUOT"])("returns STORAGE_FULL for code %s", async (code) => {
    const cause = lmdbError("No space left on device", code);
    const error = await storageError(cause, "data/node1");
    expect(error).toMatchObject({ code: "STORAGE_FULL", cause });
    expect(error.message).toContain("data/node1");
  });

  it("distinguishes a full disk from a broken one when LMDB reports EIO for both", async () => {
    const codeWith = async (freeBytes: number) => {
      statfs.mockResolvedValueOnce({ bavail: freeBytes, bsize: 1 });
      return (await storageError(lmdbError("Input/output error", 5), "data")).code;
    };
    expect(await codeWith(4096)).toBe("STORAGE_FULL");
    expect(await codeWith(1e9)).toBe("STORAGE_FAILED");
    statfs.mockRejectedValueOnce(new Error("EIO"));
    expect((await storageError(lmdbError("Input/output error", 5), "data")).code).toBe("STORAGE_FAILED");
  });

  it("finds the reason of a failed commit in the promise beside its error", async () => {
    const reason = lmdbError("No space left on device", 28);
    const commit = Object.assign(new Error("Commit failed"), { commitError: Promise.reject(reason) });
    expect(await storageError(commit, "data")).toMatchObject({ code: "STORAGE_FULL", cause: reason });
    const vague = Object.assign(new Error("Commit failed"), { commitError: Promise.resolve() });
    expect(await storageError(vague, "data")).toMatchObject({ code: "STORAGE_FAILED", cause: vague });
  });

  it.each<readonly [string, unknown]>([
    ["MDB_PANIC", lmdbError("MDB_PANIC", -30795)],
    ["no code", lmdbError("no code")],
    ["a text", "a text"],
    ["null", null],
  ])("returns STORAGE_FAILED with the cause and the folder for any other error (%s)", async (text, cause) => {
    const error = await storageError(cause, "data/node1");
    expect(error.code).toBe("STORAGE_FAILED");
    expect(error.message).toContain(`data/node1: ${text}`);
    expect(error.cause).toBe(cause);
  });

  it("returns an error of the closed list unchanged", async () => {
    const error = new ShardgateError("STORAGE_FULL", "told already");
    expect(await storageError(error, "data")).toBe(error);
  });
});
