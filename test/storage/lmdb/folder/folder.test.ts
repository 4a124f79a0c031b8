import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkLmdbFolder } from "../../../../src/storage/lmdb/folder/folder.js";
import { LmdbEngine } from "../../../../src/storage/lmdb/lmdb-engine.js";
import { verifyLmdbFolder } from "../../../../src/storage/lmdb/check/verify.js";
import { claimAll, nowMs, put, remove, write } from "../../../conformance/storage-operations.js";

const statfs = vi.hoisted(() => vi.fn<(folder: string) => Promise<{ bavail: number; bsize: number }>>());
vi.mock("node:fs/promises", async (importOriginal) => ({ ...(await importOriginal<object>()), statfs }));

describe("checkLmdbFolder", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "lmdb-folder-"));
    file = path.join(folder, "data.mdb");
    statfs.mockResolvedValue({ bavail: 16, bsize: 4096 });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function writeData(): Promise<Buffer> {
    const engine = await LmdbEngine.open(folder);
    await claimAll(engine);
    await write(engine, [put("a", JSON.stringify("x".repeat(20_000)))], nowMs);
    await engine.close();
    return readFile(file);
  }

  /** Expects that the check and the engine refuse the folder with its name and the reason, and change nothing. */
  async function expectRefusal(reason: RegExp): Promise<void> {
    const before = await readFile(file);
    const expected = { code: "STORAGE_FAILED", message: expect.stringMatching(reason) };
    await expect(checkLmdbFolder(folder)).rejects.toMatchObject(expected);
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(expected);
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject({ message: expect.stringContaining(folder) });
    expect((await readFile(file)).equals(before)).toBe(true);
  }

  it("creates a missing folder, and accepts it again with data", async () => {
    const missing = path.join(folder, "a", "b");
    await checkLmdbFolder(missing);
    expect(await readdir(missing)).toEqual([]);
    await writeData();
    await checkLmdbFolder(folder);
  });

  it.each<readonly [string, Buffer]>([
    ["text", Buffer.from("hello")],
    ["zeros", Buffer.alloc(100_000)],
    ["other bytes", Buffer.alloc(100_000, 0xee)],
  ])("refuses a file of %s", async (_, bytes) => {
    await writeFile(file, bytes);
    await expectRefusal(/is not a data file of this program.*left untouched.*restore it/);
  });

  it.each<readonly [string, number, number]>([
    ["the first page's magic number", 24, 1],
    ["the first page's format", 28, 99],
    ["the page size", 48, 0],
    ["the second page's magic number", 4096 + 24, 1],
  ])("refuses a file with damage in %s", async (_, position, value) => {
    const bytes = await writeData();
    const pageBytes = bytes.readUInt32LE(48);
    bytes.writeUInt32LE(value, position > 4096 ? position - 4096 + pageBytes : position);
    await writeFile(file, bytes);
    await expectRefusal(/is not a data file of this program/);
  });

  it("refuses a file that is truncated anywhere", async () => {
    const { length } = await writeData();
    for (const size of [length - 1, length - 4096, 12_288, 8_200]) {
      await truncate(file, size);
      await expectRefusal(new RegExp(`is cut short: it has ${size} bytes of ${length}`));
    }
    await truncate(file, 100);
    await expectRefusal(/is not a data file/);
  });

  it("accepts a file whose missing pages are all free, as LMDB may leave it, and refuses a shorter one", async () => {
    const engine = await LmdbEngine.open(folder);
    await claimAll(engine);
    const large = JSON.stringify("x".repeat(20_000));
    const small = Array.from({ length: 2_000 }, (_, index) => put(`small ${index}`, `${index}`));
    const gone = Array.from({ length: 200 }, (_, index) => `large ${index}`);
    await write(engine, small, nowMs);
    for (const key of gone) await write(engine, [put(key, large)], nowMs);
    for (const key of gone) await write(engine, [remove(key)], nowMs);
    await engine.close();
    const whole = await readFile(file);
    const { length } = whole;
    const pageBytes = whole.readUInt32LE(48);

    // The shortest accepted length: a file with one page less is refused.
    let size = length;
    while (await isAccepted(size - pageBytes)) size -= pageBytes;
    expect(size).toBeLessThan(length - 5 * pageBytes);
    for (const refused of [size - 1, size - pageBytes, size / 2]) {
      await writeFile(file, whole.subarray(0, Math.floor(refused)));
      await expectRefusal(/is cut short/);
    }
    for (const accepted of [size, size + 1, size + 5 * pageBytes]) {
      await writeFile(file, whole.subarray(0, accepted));
      expect(await verifyLmdbFolder(folder)).toMatchObject({ problems: [], entries: small.length });
      const again = await LmdbEngine.open(folder);
      await write(again, [put("large", large)], nowMs);
      await again.close();
      expect(await verifyLmdbFolder(folder)).toMatchObject({ problems: [], entries: small.length + 1 });
    }

    async function isAccepted(size: number): Promise<boolean> {
      await writeFile(file, whole.subarray(0, size));
      return checkLmdbFolder(folder).then(
        () => true,
        () => false,
      );
    }
  });

  it("accepts a file that grows during the check, as when another process writes", async () => {
    const engine = await LmdbEngine.open(folder);
    await claimAll(engine);
    let isChecking = true;
    const check = async (): Promise<void> => {
      try {
        for (let times = 0; times < 200; times++) await checkLmdbFolder(folder);
      } finally {
        isChecking = false;
      }
    };
    const grow = async (): Promise<void> => {
      const value = JSON.stringify("x".repeat(20_000));
      for (let key = 0; isChecking; key++) await write(engine, [put(`key ${key}`, value)], nowMs);
    };
    await Promise.all([check(), grow()]);
    await engine.close();
  });

  it("refuses a folder below a file", async () => {
    await writeFile(file, "");
    const message = expect.stringMatching(/data\.mdb\/sub cannot be used: .*Give a folder that this process may/);
    await expect(LmdbEngine.open(path.join(file, "sub"))).rejects.toMatchObject({ code: "STORAGE_FAILED", message });
  });

  it.each(["data.mdb", "lock.mdb"])("refuses a folder where %s is not a file or cannot be examined", async (name) => {
    await mkdir(path.join(folder, name));
    const refusal = { code: "STORAGE_FAILED", message: expect.stringContaining("is not a file") };
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(refusal);
    await rm(path.join(folder, name), { recursive: true });
    await symlink(name, path.join(folder, name));
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject({ message: expect.stringContaining("ELOOP") });
  });

  // Root may write anywhere.
  it.skipIf(process.getuid?.() === 0)("refuses a folder that is not writable", async () => {
    await chmod(folder, 0o500);
    const refusal = { code: "STORAGE_FAILED", message: expect.stringContaining("EACCES") };
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(refusal);
  });

  it("reports a full disk before LMDB creates a file on it, and opens existing data on a full disk", async () => {
    statfs.mockResolvedValue({ bavail: 15, bsize: 4096 });
    const refusal = { code: "STORAGE_FULL", message: expect.stringContaining(folder) };
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(refusal);
    expect(await readdir(folder)).toEqual([]);
    statfs.mockResolvedValue({ bavail: 16, bsize: 4096 });
    await writeData();
    statfs.mockResolvedValue({ bavail: 0, bsize: 4096 });
    await writeData();
  });

  it("reports a failure that is not an Error", async () => {
    statfs.mockImplementation(() => Promise.reject("a broken file system"));
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("a broken file system"),
    });
  });
});
