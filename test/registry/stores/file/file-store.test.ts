import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../../../src/core/error.js";
import { registryFileBytesMax } from "../../../../src/core/limits.js";
import { encodeFile } from "../../../../src/registry/stores/file/file-document.js";
import { FileStore } from "../../../../src/registry/stores/file/file-store.js";
import type { StoreMark } from "../../../../src/registry/registry-store.js";
import { describeRegistryStore } from "../../../conformance/registry-store.js";
import { watchFile } from "../../../support/watch-file.js";

let folder: string;
let file: string;
const locked = new Set<string>();
const document = { version: 7, text: '{"some":"text"}\n' };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
  file = path.join(folder, "registry.json");
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  locked.clear();
});

describeRegistryStore("FileStore", async () => {
  const store = await openStore(file);
  return async () => store;
});

describe("FileStore", () => {
  it("makes the folder it is given, and no file before the first write", async () => {
    const nested = path.join(folder, "a", "b", "registry.json");
    const store = await openStore(nested);
    expect(await readdir(path.dirname(nested))).toEqual([]);
    expect(await store.compareAndSet(null, document, null)).toBe(true);
    expect(await readdir(path.dirname(nested))).toEqual(["registry.json"]);
  });

  it("takes a path relative to the working folder at the time it is opened", async () => {
    const store = await openStore(path.relative(process.cwd(), file));
    await store.compareAndSet(null, document, null);
    expect(existsSync(file)).toBe(true);
  });

  it("writes one head line with format, version and checksum, and then the text as it is", async () => {
    const store = await openStore(file);
    await store.compareAndSet(null, document, null);
    expect(await readFile(file, "utf8")).toBe(
      "shardgate-registry format=1 version=7 " +
        "sha256=7c0d5e020c3ec1dc6e8aa8e3710bd61e391e87c5e4406c3dcfd79b31f80c879a\n" +
        document.text,
    );
  });

  it("leaves no temporary file behind, whether writes won or lost", async () => {
    const store = await openStore(file);
    const creations = [1, 2, 3].map(() => store.compareAndSet(null, document, "r"));
    expect(await Promise.all(creations)).toEqual([true, false, false]);
    const changes = [1, 2, 3].map(() => store.compareAndSet(at(7), { version: 8, text: "next" }, "r"));
    expect(await Promise.all(changes)).toEqual([true, false, false]);
    expect(await readdir(folder)).toEqual(["registry.json", "registry.json.log"]);
  });

  it("ignores temporary files that a killed process left, and does not touch them", async () => {
    const leftovers = [0, 1].map((number) => `${file}.${process.pid}-${number}.tmp`);
    for (const leftover of leftovers) await writeFile(leftover, "half wri");
    const store = await openStore(file);
    expect(await store.load()).toBeNull();
    expect(await store.compareAndSet(null, document, null)).toBe(true);
    expect(await store.load()).toEqual({ ...document, beat: 0 });
    for (const leftover of leftovers) expect(await readFile(leftover, "utf8")).toBe("half wri");
    expect(await readdir(folder)).toHaveLength(3);
  });

  describe("with a file that is broken or not its own", () => {
    const whole = encodeFile(document);
    const [head = "", body = ""] = whole.toString().split(/(?<=sha256=\w+)\n/);

    it.each<[string, Buffer, RegExp]>([
      ["is empty", Buffer.alloc(0), /it is empty/],
      ["was cut off inside the head", whole.subarray(0, 40), /does not begin with the head/],
      ["was cut off behind the head", Buffer.from(`${head}\n`), /checksum is wrong/],
      ["was cut off inside the text", whole.subarray(0, whole.length - 3), /checksum is wrong/],
      ["has more behind the text", Buffer.concat([whole, Buffer.from("\n")]), /checksum is wrong/],
      ["says another version", Buffer.from(`${head.replace("version=7", "version=9")}\n${body}`), /checksum is wrong/],
      ["was edited", Buffer.from(whole.toString().replace("some", "same")), /checksum is wrong/],
      ["is of a later format", Buffer.from(whole.toString().replace("format=1", "format=2")), /format is 2/],
      ["is somebody else's JSON", Buffer.from('{"name":"package"}\n'), /does not begin with the head/],
      ["is binary", Buffer.from([0, 255, 10, 0, 254]), /does not begin with the head/],
      ["has no line break for long", Buffer.alloc(100_000, 0x61), /does not begin with the head/],
      ["is larger than any", Buffer.alloc(registryFileBytesMax + 1), /longer than any cluster map/],
    ])("refuses one that %s, says what to do, and leaves it as it is", async (_, bytes, problem) => {
      await writeFile(file, bytes);
      const store = await openStore(file);
      for (const call of [
        store.load(),
        store.compareAndSet(null, document, null),
        store.compareAndSet(at(7), document, null),
      ]) {
        const error: unknown = await call.catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: "REGISTRY_CORRUPT", message: expect.stringMatching(problem) });
        expect(String(error)).toContain(file);
        expect(String(error)).toContain("Restore it from a copy, or move it away");
      }
      expect((await readFile(file)).equals(bytes)).toBe(true);
      expect(await readdir(folder)).toEqual(["registry.json"]);
    });

    it("notices any single byte that changed", async () => {
      const store = await openStore(file);
      for (let at = 0; at < whole.length; at++) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        await writeFile(file, bytes);
        await expect(store.load()).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
      }
    });

    it("refuses one that was overwritten while a change was being written", async () => {
      const store = await openStore(file);
      const write = store.compareAndSet(null, document, null).catch((error: unknown) => error);
      await untilTemporaryFile();
      writeFileSync(file, "somebody else's");
      expect(await write).toMatchObject({ code: "REGISTRY_CORRUPT" });
      expect(await readFile(file, "utf8")).toBe("somebody else's");
      expect(await readdir(folder)).toEqual(["registry.json"]);
    });
  });

  it("loses to a handle that writes while its own temporary file is being written", async () => {
    const store = await openStore(file);
    const write = store.compareAndSet(null, document, null);
    await untilTemporaryFile();
    writeFileSync(file, encodeFile({ version: 1, text: "faster" }));
    expect(await write).toBe(false);
    expect(await store.load()).toEqual({ version: 1, text: "faster", beat: 0 });
    expect(await readdir(folder)).toEqual(["registry.json"]);
  });

  it("goes on after a write that failed", async () => {
    const store = await openStore(file);
    await rm(folder, { recursive: true });
    await expect(store.compareAndSet(null, document, null)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await mkdir(folder);
    expect(await store.compareAndSet(null, document, null)).toBe(true);
  });

  it("is unavailable, with the cause, when its folder is gone or not a folder, or a folder is in its place", async () => {
    const gone = await openStore(path.join(folder, "gone", "registry.json"));
    await rm(path.join(folder, "gone"), { recursive: true });
    await expectUnavailable(gone.compareAndSet(null, document, null), "ENOENT");
    await writeFile(path.join(folder, "plain"), "");
    await expectUnavailable(openStore(path.join(folder, "plain", "registry.json")), "EEXIST");
    await expectUnavailable(openStore(path.join(folder, "plain", "sub", "registry.json")), "ENOTDIR");
    await mkdir(file);
    const replaced = await openStore(file);
    await expectUnavailable(replaced.load(), "EISDIR");
    await expectUnavailable(replaced.compareAndSet(null, document, null), "EISDIR");
  });

  it("is unavailable when its path leads nowhere, from the start or while it writes", async () => {
    const store = await openStore(file);
    const write = store.compareAndSet(null, document, null);
    await untilTemporaryFile();
    symlinkSync(file, file);
    await expectUnavailable(write, "ELOOP");
    await expectUnavailable(store.load(), "ELOOP");
    expect(await readdir(folder)).toEqual(["registry.json"]);
  });

  it("keeps the old document, and no temporary file, when the disk is full", async () => {
    const store = await openStore(file);
    await store.compareAndSet(null, document, null);
    const handle = await open(file, "r");
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "sync").mockRejectedValueOnce(full);
    await handle.close();
    await expectUnavailable(store.compareAndSet(at(7), { version: 8, text: "next" }, null), "ENOSPC");
    sync.mockRestore();
    expect(await store.load()).toEqual({ ...document, beat: 0 });
    expect(await readdir(folder)).toEqual(["registry.json"]);
  });

  it.runIf(process.getuid?.() !== 0)("is unavailable, with the cause, when it may not write", async () => {
    const store = await openStore(file);
    await chmod(folder, 0o500);
    await expectUnavailable(store.compareAndSet(null, document, null), "EACCES");
    await chmod(folder, 0o700);
    expect(await store.load()).toBeNull();
  });

  it("cannot watch a folder that is gone, and says so", async () => {
    const store = await openStore(file);
    await rm(folder, { recursive: true });
    expect(() => store.watch(() => undefined)).toThrow(expect.objectContaining({ code: "REGISTRY_UNAVAILABLE" }));
  });

  it("calls a watcher when a person puts another file in its place, also after its folder was away", async () => {
    const store = await openStore(file);
    await store.compareAndSet(null, document, null);
    const onChange = vi.fn<() => void>();
    store.watch(onChange);
    await writeFile(path.join(folder, "copy"), encodeFile({ ...document, version: 8 }));
    await rename(path.join(folder, "copy"), file);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
    await rename(folder, `${folder}-away`);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    await rename(`${folder}-away`, folder);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(3));
    expect(await store.load()).toMatchObject({ version: 8 });
    await store.close();
  });

  it("does not call a watcher for other files of the folder", async () => {
    const store = await openStore(file);
    const onChange = vi.fn<() => void>();
    store.watch(onChange);
    await writeFile(path.join(folder, "neighbour.json"), "x");
    const neighbour = vi.fn<() => void>();
    const other = await openStore(path.join(folder, "other.json"));
    other.watch(neighbour);
    await other.compareAndSet(null, document, null);
    await vi.waitFor(() => expect(neighbour).toHaveBeenCalled());
    expect(onChange).not.toHaveBeenCalled();
    await Promise.all([store.close(), other.close()]);
  });

  it("waits for the write in progress, and then releases its lock, when it is closed", async () => {
    const store = await openStore(file);
    const write = store.compareAndSet(null, document, null);
    await store.close();
    expect(existsSync(file)).toBe(true);
    expect(await write).toBe(true);
    await store.close();
    expect(locked.size).toBe(0);
  });

  it("is refused to a second handle while the first is open, also by another path to it", async () => {
    const store = await openStore(file);
    await expect(openStore(file)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    symlinkSync(file, path.join(folder, "link"));
    await expect(openStore(path.join(folder, "link"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await store.close();
    expect(await (await openStore(file)).load()).toBeNull();
  });

  describe("at a symbolic link", () => {
    it("replaces the file that the links lead to, and keeps lock and log beside that", async () => {
      const target = path.join(folder, "target");
      mkdirSync(target);
      writeFileSync(path.join(target, "real.json"), encodeFile(document));
      symlinkSync(path.join("target", "real.json"), path.join(folder, "second"));
      symlinkSync(path.join(folder, "second"), file);
      const store = await openStore(file);
      expect(await store.compareAndSet(at(7), { version: 8, text: "next" }, "r")).toBe(true);
      expect(lstatSync(file).isSymbolicLink()).toBe(true);
      expect(await readdir(target)).toEqual(["real.json", "real.json.log"]);
      expect([...locked]).toEqual([path.join(target, "real.json.lock")]);
      expect(await readFile(file, "utf8")).toContain("version=8");
    });

    it("makes the file that a dangling link leads to, and never the folder", async () => {
      symlinkSync("later.json", file);
      const store = await openStore(file);
      expect(await store.compareAndSet(null, document, null)).toBe(true);
      expect(existsSync(path.join(folder, "later.json"))).toBe(true);
      const unmounted = path.join(folder, "link");
      symlinkSync(path.join(folder, "unmounted", "registry.json"), unmounted);
      const elsewhere = await openStore(unmounted);
      await expectUnavailable(elsewhere.compareAndSet(null, document, null), "ENOENT");
    });

    it("is refused when the links go round", async () => {
      symlinkSync(path.join(folder, "other"), file);
      symlinkSync(file, path.join(folder, "other"));
      await expectUnavailable(openStore(file), "ELOOP");
    });
  });

  describe("with its log", () => {
    const log = (): string => `${file}.log`;
    const next = (version: number) => ({ version, text: "next" });

    it("finds the records again when it is opened anew", async () => {
      const store = await openStore(file);
      await store.compareAndSet(null, next(1), "one");
      await store.compareAndSet(at(1), next(2), "two");
      await store.close();
      const again = await openStore(file);
      expect(await again.log()).toEqual(["one", "two"]);
      await again.compareAndSet(at(2), next(3), "three");
      expect(await again.log()).toEqual(["one", "two", "three"]);
    });

    it("skips a last line that was cut, wherever, and goes on behind the whole ones", async () => {
      const store = await openStore(file);
      await store.compareAndSet(null, next(1), "one");
      const before = (await readFile(log())).length;
      await store.compareAndSet(at(1), next(2), "two");
      await store.close();
      const whole = await readFile(log());
      for (let length = before; length < whole.length - 1; length++) {
        await writeFile(log(), whole.subarray(0, length));
        await writeFile(file, encodeFile(next(2)));
        const cut = await openStore(file);
        expect(await cut.log()).toEqual(["one"]);
        await cut.compareAndSet(at(2), next(3), "three");
        expect(await cut.log()).toEqual(["one", "three"]);
        await cut.close();
      }
    });

    it("skips damaged lines, and goes on when there is no log", async () => {
      const store = await openStore(file);
      for (const version of [0, 1, 2])
        await store.compareAndSet(version === 0 ? null : at(version), next(version + 1), `r${version}`);
      const text = await readFile(log(), "utf8");
      await writeFile(log(), text.replace("r1", "r9"));
      expect(await store.log()).toEqual(["r0", "r2"]);
      await rm(log());
      expect(await store.log()).toEqual([]);
      await store.compareAndSet(at(3), next(4), "r3");
      expect(await store.log()).toEqual(["r3"]);
    });

    it("ignores records of a change that never happened, and overwrites them, also by a change without one", async () => {
      const store = await openStore(file);
      await store.compareAndSet(null, next(1), "one");
      // As after a crash between the log and the map.
      await store.compareAndSet(at(1), next(2), "two");
      await store.close();
      await writeFile(file, encodeFile(next(1)));
      const again = await openStore(file);
      expect(await again.log()).toEqual(["one"]);
      await again.compareAndSet(at(1), next(2), null);
      expect(await again.log()).toEqual(["one"]);
    });

    it("forgets the record of a change that a handle could not finish", async () => {
      const store = await openStore(file);
      await store.compareAndSet(null, next(1), "one");
      const write = store.compareAndSet(at(1), next(2), "two");
      await untilTemporaryFile();
      writeFileSync(file, encodeFile(next(5)));
      expect(await write).toBe(false);
      writeFileSync(file, encodeFile(next(1)));
      await store.compareAndSet(at(1), next(2), "three");
      expect(await store.log()).toEqual(["one", "three"]);
    });
  });
});

function at(version: number): StoreMark {
  return { version, beat: 0 };
}

/** With a lock as good as the kernel's, as long as there is only this process. */
function openStore(of: string): Promise<FileStore> {
  return FileStore.open(of, {
    watchFile,
    async lockFile(lockPath) {
      if (locked.has(lockPath)) throw new ShardgateError("REGISTRY_UNAVAILABLE", `${lockPath} is locked.`);
      locked.add(lockPath);
      return { release: async () => void locked.delete(lockPath) };
    },
  });
}

/** A write has then made its first check and not yet its last: each of its steps takes a turn of the event loop. */
async function untilTemporaryFile(): Promise<void> {
  while (!readdirSync(folder).some((name) => name.endsWith(".tmp"))) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function expectUnavailable(call: Promise<unknown>, causeCode: string): Promise<void> {
  const error: unknown = await call.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ShardgateError);
  expect(error).toMatchObject({ code: "REGISTRY_UNAVAILABLE", cause: { code: causeCode } });
}
