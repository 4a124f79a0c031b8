import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { open as openEnvironment } from "lmdb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { openDatabases } from "../../../src/storage/lmdb/databases.js";
import { LmdbEngine } from "../../../src/storage/lmdb/engine.js";
import { fencesKey } from "../../../src/storage/lmdb/format.js";
import { encodeNumber } from "../../../src/storage/lmdb/record.js";
import { indexBounds } from "../../../src/storage/lmdb/index-upkeep.js";
import { describeStorageEngine } from "../../conformance/storage-engine.js";
import {
  changeClaims,
  claim,
  claimAll,
  find,
  get,
  keys,
  noBudget,
  nowMs,
  page,
  put,
  read,
  remove,
  shard,
  write,
} from "../../conformance/storage-operations.js";

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "lmdb-engine-"));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

function freshFolder(): Promise<string> {
  return mkdtemp(path.join(parent, "data-"));
}

/** With its own bounds, and so that each sweep removes some stale items and mostly leaves a pass half done. */
const variants = [
  ["LmdbEngine", indexBounds],
  [
    "LmdbEngine with short passes",
    { journalMin: 3, journalBytesMax: 40, staleMin: 0, perKeyMax: 0, listedMax: 3, itemsMax: 2, bytesMax: 1e6 },
  ],
] as const;

for (const [name, bounds] of variants) {
  describeStorageEngine(name, async () => {
    const folder = await freshFolder();
    let engine = await LmdbEngine.open(folder, bounds);
    const reopen = async () => {
      await engine.close();
      engine = await LmdbEngine.open(folder, bounds);
      return engine;
    };
    return { engine, reopen };
  });
}

describe("LmdbEngine", () => {
  let folder: string;
  let engine: LmdbEngine | null;
  beforeEach(async () => {
    folder = path.join(await freshFolder(), "not", "there", "yet");
    engine = null;
  });
  afterEach(() => engine?.close());

  async function open(): Promise<LmdbEngine> {
    await engine?.close();
    engine = null;
    engine = await LmdbEngine.open(folder);
    return engine;
  }

  it("makes its folder, and finds everything again after a reopen", async () => {
    const first = await open();
    expect([first.name, first.isDurable]).toEqual(["lmdb", true]);
    await first.changeState(() => ({ document: "the document", claims: [] }));
    await claimAll(first);
    const short = { kind: "ttl", seconds: 1 } as const;
    await write(first, [put("a", '{"n": 1.50}'), put("b", "1", { shard: shard(2), expiry: short })], nowMs);
    await write(first, [put("c", "1"), remove("c"), put("d", "1", { shard: shard(3) })], nowMs);
    await write(first, [remove("d", { shard: shard(3) })], nowMs);
    const stats = await first.stats(nowMs);

    const second = await open();
    expect((await second.state()).document).toBe("the document");
    expect((await second.state()).claims.get(shard(3))).toMatchObject({ epoch: 1 });
    expect(await find(second, "a")).toMatchObject({ value: '{"n": 1.50}', version: "1", createdAtMs: nowMs });
    expect(await page(second, { shard: shard(2) })).toMatchObject({
      entries: [{ key: "b", expiresAtMs: nowMs + 1000 }],
    });
    expect(await second.stats(nowMs)).toEqual(stats);
    expect((await second.sweep(nowMs + 1000, 10)).expired).toBe(1);
    const next = [put("e", "1"), put("e", "1", { shard: shard(2) }), put("e", "1", { shard: shard(3) })];
    const versions = (await write(second, next, nowMs)).map((outcome) => "facts" in outcome && outcome.facts.version);
    expect(versions).toEqual(["4", "3", "3"]);
  });

  it("keeps an expired entry gone after a restart whose clock is behind", async () => {
    const first = await open();
    await claimAll(first);
    await write(first, [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } })], nowMs);
    expect(await find(first, "a", nowMs + 1000)).toBeNull();
    expect(await find(await open(), "a", nowMs)).toBeNull();
  });

  it("sees at once what another engine over the same folder claims, releases and judges as expired", async () => {
    const one = await open();
    const other = await LmdbEngine.open(folder);
    onTestFinished(() => other.close());
    await claimAll(one);
    await write(one, [put("a", "1"), put("b", "1", { expiry: { kind: "ttl", seconds: 1 } })], nowMs);
    const kindOf = async (key: string) => (await read(other, [get(key)], noBudget, 1))[0]?.kind;
    expect([await kindOf("a"), await kindOf("b")]).toEqual(["found", "found"]);
    expect(await find(one, "b", nowMs + 1000)).toBeNull();
    expect([await kindOf("a"), await kindOf("b")]).toEqual(["found", "notFound"]);
    await changeClaims(one, claim(2));
    expect(await kindOf("a")).toBe("refused");
    await changeClaims(one, { kind: "release", shard: shard(0), epoch: 2 });
    expect(await read(other, [get("a")], noBudget, 2)).toMatchObject([{ code: "STALE_EPOCH" }]);
    // Also after the number that says that a fence changed was damaged.
    const databases = await openDatabases(folder);
    await databases.documents.put(fencesKey, encodeNumber(1e300));
    await changeClaims(one, claim(3));
    expect(await read(other, [get("a")], noBudget, 3)).toMatchObject([{ kind: "found" }]);
    await databases.root.close();
  });

  it("says how long its file is", async () => {
    engine = await LmdbEngine.open(folder);
    expect(await engine.fileBytes()).toBe((await readFile(path.join(folder, "data.mdb"))).length);
  });

  it("finishes the writes under way before it closes", async () => {
    const opened = await open();
    await claimAll(opened);
    await Promise.all([write(opened, [put("a", "1")], nowMs), opened.close()]);
    expect(await find(await open(), "a")).toMatchObject({ value: "1" });
  });

  it("refuses reads and writes once it is closed, and leaves no promise unheard", async () => {
    const closed = await open();
    await closed.close();
    engine = null;
    await expect(closed.state()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(write(closed, [put("a", "1")], nowMs)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(closed.stats(nowMs)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("holds no snapshot between reads, so that the file stays small", async () => {
    const one = await open();
    await claimAll(one);
    const value = JSON.stringify("x".repeat(50_000));
    for (let round = 0; round < 300; round++) {
      await write(one, [put("a", value)], nowMs);
      expect(await keys(one)).toEqual(["a"]);
    }
    expect((await readFile(path.join(folder, "data.mdb"))).length).toBeLessThan(1_000_000);
  });

  it("names the cause when a group fails", async () => {
    const broken = put("a", "1", { value: undefined as never });
    await claimAll(await open());
    const failure = await write(await open(), [broken], nowMs).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ShardgateError);
    expect(failure).toMatchObject({ code: "STORAGE_FAILED", cause: expect.any(TypeError) });
    expect(String(failure)).toContain(folder);
  });

  it("refuses the data of another program and of another format, and leaves them untouched", async () => {
    await open();
    await engine?.close();
    engine = null;
    const binary = { keyEncoding: "binary", encoding: "binary" } as const;
    for (const [name, key, message] of [
      ["documents", "format", "another format"],
      ["theirs", "key", "other data"],
    ] as const) {
      const root = openEnvironment<Uint8Array, Uint8Array>({ path: folder, noSubdir: false, ...binary });
      const theirs = root.openDB<Uint8Array, Uint8Array>({ name, ...binary });
      await theirs.put(Buffer.from(key), Buffer.from("99"));
      await root.close();
      const before = await readFile(path.join(folder, "data.mdb"));
      await expect(open()).rejects.toMatchObject({ code: "STORAGE_FAILED", message: expect.stringContaining(message) });
      expect((await readFile(path.join(folder, "data.mdb"))).equals(before)).toBe(true);
    }
  });

  it("begins anew in an empty file, as a crash in its first moment leaves it", async () => {
    folder = await freshFolder();
    await writeFile(path.join(folder, "data.mdb"), "");
    expect((await (await open()).state()).claims.size).toBe(0);
  });

  it("takes the writes of several processes in one order, also when one of them is killed", async () => {
    const script = path.join(import.meta.dirname, "writer.mjs");
    const names = ["first", "second", "third"];
    // The folder is made by one of them; from then on they come as they like.
    const first = await open();
    await claimAll(first);
    await write(first, [put("begin", "1"), put("begin", "1", { shard: shard(1) })], nowMs);
    const children = names.map((name) =>
      spawn(process.execPath, [script, folder, name], { stdio: ["ignore", "pipe", "inherit"] }),
    );
    onTestFinished(() => {
      for (const child of children) child.kill("SIGKILL");
    });
    const acknowledged = new Map<string, number[]>(names.map((name) => [name, []]));
    const isDone = (name: string): boolean => (acknowledged.get(name)?.length ?? 0) >= 300;
    const signals = await Promise.all(
      children.map(async (child, index) => {
        const ended = once(child, "exit");
        const versions = acknowledged.get(names[index] ?? "") ?? [];
        for await (const line of createInterface({ input: child.stdout })) {
          versions.push(Number((JSON.parse(line) as { readonly version: string }).version));
          // One is killed while the others write, and they have to go on.
          if (index === 0 && versions.length === 150) child.kill("SIGKILL");
          if (index > 0 && isDone("second") && isDone("third")) for (const other of children) other.kill("SIGKILL");
        }
        return (await ended)[1];
      }),
    );
    expect(signals).toEqual(["SIGKILL", "SIGKILL", "SIGKILL"]);
    const all = [...acknowledged.values()];
    for (const versions of all) expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(all.flat()).size).toBe(all.flat().length);

    const survivor = await open();
    const stats = await survivor.stats(nowMs);
    expect(stats.get(shard(0))).toEqual({ ...stats.get(shard(1)), digest: expect.any(String) });
    expect(stats.get(shard(0))?.keyCount).toBeGreaterThanOrEqual(all.flat().length + 1);
    const [outcome] = await write(survivor, [put("next", "1")], nowMs);
    expect(Number(outcome && "facts" in outcome && outcome.facts.version)).toBe(
      (stats.get(shard(0))?.keyCount ?? 0) + 1,
    );
  });

  it("has every acknowledged write, whole groups only, after kill -9 in the middle of writing", async () => {
    const script = path.join(import.meta.dirname, "writer.mjs");
    await claimAll(await open());
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 200) child.kill("SIGKILL");
    }
    expect((await ended)[1]).toBe("SIGKILL");
    expect(acknowledged.length).toBeGreaterThanOrEqual(200);

    const survivor = await open();
    for (const line of acknowledged) {
      const { key, version } = JSON.parse(line) as { readonly key: string; readonly version: string };
      expect(await find(survivor, key)).toMatchObject({ version, value: JSON.stringify(key) });
      expect(await find(survivor, key, nowMs, 1)).toMatchObject({ version });
    }
    const stats = await survivor.stats(nowMs);
    expect(stats.get(shard(0))).toEqual({ ...stats.get(shard(1)), digest: expect.any(String) });
    const [outcome] = await write(survivor, [put("next", "1")], nowMs);
    expect(Number(outcome && "facts" in outcome && outcome.facts.version)).toBe(
      (stats.get(shard(0))?.keyCount ?? 0) + 1,
    );
  });
});
