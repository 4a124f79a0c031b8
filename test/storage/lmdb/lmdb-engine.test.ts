import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { open as openEnvironment } from "lmdb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { openDatabases } from "../../../src/storage/lmdb/records/open-databases.js";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { fencesKey } from "../../../src/storage/lmdb/records/record-format.js";
import { encodeNumber } from "../../../src/storage/lmdb/records/record.js";
import { indexBounds } from "../../../src/storage/lmdb/records/index-upkeep.js";
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

/**
 * Runs the conformance tests with the default bounds, and with bounds under which each sweep removes some stale items
 * and mostly leaves a pass unfinished.
 */
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

  it("creates its folder, and finds all data again after a reopen", async () => {
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

  it("keeps an expired entry gone after a restart with a clock that is behind", async () => {
    const first = await open();
    await claimAll(first);
    await write(first, [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } })], nowMs);
    expect(await find(first, "a", nowMs + 1000)).toBeNull();
    expect(await find(await open(), "a", nowMs)).toBeNull();
  });

  it("sees at once the claims, releases and expiry marks that another engine over the same folder makes", async () => {
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
    // Also after the counter of fence changes was damaged.
    const databases = await openDatabases(folder);
    await databases.documents.put(fencesKey, encodeNumber(1e300));
    await changeClaims(one, claim(3));
    expect(await read(other, [get("a")], noBudget, 3)).toMatchObject([{ kind: "found" }]);
    await databases.root.close();
  });

  it("reports the length of its file", async () => {
    engine = await LmdbEngine.open(folder);
    expect(await engine.fileBytes()).toBe((await readFile(path.join(folder, "data.mdb"))).length);
  });

  it("finishes running writes before it closes", async () => {
    const opened = await open();
    await claimAll(opened);
    await Promise.all([write(opened, [put("a", "1")], nowMs), opened.close()]);
    expect(await find(await open(), "a")).toMatchObject({ value: "1" });
  });

  it("refuses reads and writes once it is closed, without an unhandled rejection", async () => {
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

  it("reports the cause when a group of writes fails", async () => {
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

  it("creates new data in an empty file, as a crash at the first start leaves it", async () => {
    folder = await freshFolder();
    await writeFile(path.join(folder, "data.mdb"), "");
    expect((await (await open()).state()).claims.size).toBe(0);
  });
});
