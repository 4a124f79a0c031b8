import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeFolder } from "../../../src/cli/files/make-folder.js";

vi.mock("node:fs/promises", { spy: true });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shardgate-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("creates a folder and all above it, and accepts an existing one", async () => {
  for (const path of ["a/b/c/", "a/b/c", "a", ".", "d/../e"]) await makeFolder(join(folder, path));
  for (const path of ["a/b/c", "e"]) expect((await stat(join(folder, path))).isDirectory()).toBe(true);
  await makeFolder("/");
});

it("creates one folder for several concurrent callers", async () => {
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(folder, "a/b/c"))));
  expect((await stat(join(folder, "a/b/c"))).isDirectory()).toBe(true);
});

it("creates a folder whose parent another process creates at the same moment", async () => {
  vi.mocked(mkdir).mockImplementationOnce(async (path) => {
    await mkdir(join(folder, "a"));
    throw Object.assign(new Error("As before the parent was there."), { code: "ENOENT", path });
  });
  await makeFolder(join(folder, "a/b"));
  expect((await stat(join(folder, "a/b"))).isDirectory()).toBe(true);
});

it("reports a file at the path or on the way to it", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(makeFolder(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(join(folder, "file/a"))).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(makeFolder(join(folder, "file/a/b"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

it.runIf(existsSync("/proc/self"))("gives up when an existing folder accepts no subfolders", async () => {
  await expect(makeFolder("/proc/none/at/all")).rejects.toMatchObject({ code: "ENOENT", path: "/proc/none" });
});
