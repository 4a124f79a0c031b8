import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeFolder } from "../../src/cli/make-folder.js";

const [made, accessed] = vi.hoisted(() => [vi.fn<typeof mkdir>(), vi.fn<() => Promise<void>>()]);
vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<{ mkdir: typeof mkdir }>();
  made.mockImplementation(real.mkdir);
  return { ...real, mkdir: made, access: accessed };
});

const refusal = (code: string): Error => Object.assign(new Error(code), { code });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shardgate-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("makes a folder and all above it, and takes one that is there", async () => {
  for (const path of [join(folder, "a/b"), join(folder, "a/b"), join(folder, "a")]) await makeFolder(path);
  expect((await stat(join(folder, "a/b"))).isDirectory()).toBe(true);
});

it("says what the file system says where Node says that the new folder does not exist", async () => {
  made.mockRejectedValueOnce(refusal("ENOENT"));
  accessed.mockRejectedValueOnce(refusal("EROFS"));
  await expect(makeFolder(join(folder, "a/b/c"))).rejects.toMatchObject({ code: "EROFS" });
  expect(accessed).toHaveBeenCalledWith(folder, expect.anything());
});

it.each(["ENOENT", "EACCES"])("leaves %s as it is otherwise", async (code) => {
  made.mockRejectedValueOnce(refusal(code));
  await expect(makeFolder(join(folder, "a"))).rejects.toMatchObject({ code });
});
