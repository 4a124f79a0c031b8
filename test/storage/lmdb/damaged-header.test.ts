import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tombstoneAgeMsMax } from "../../../src/core/limits.js";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import {
  changeClaims,
  claim,
  claimAll,
  find,
  get,
  noBudget,
  nowMs,
  put,
  read,
  remove,
  shard,
  write,
} from "../../conformance/storage-operations.js";
import { damageHeader } from "./damaged-header.js";

const expiry = { kind: "ttl", seconds: 1 } as const;

describe("LmdbEngine over a folder where the header of one shard is damaged", () => {
  let folder: string;
  let engine: LmdbEngine;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "damaged-header-"));
    engine = await LmdbEngine.open(folder);
    await claimAll(engine);
    for (const number of [1, 2]) {
      const rest = { shard: shard(number) };
      await write(engine, [put("a", "1", rest), put("b", "1", { ...rest, expiry }), put("c", "1", rest)], nowMs);
      await write(engine, [remove("c", rest)], nowMs);
    }
  });
  afterEach(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  async function damage(): Promise<void> {
    await engine.close();
    await damageHeader(folder, shard(1));
    engine = await LmdbEngine.open(folder);
  }

  it("lists that shard as damaged, and omits it from claims and figures", async () => {
    const before = await engine.state();
    const figures = await engine.stats(nowMs);
    expect(before.damagedShards).toEqual([]);
    await damage();
    const { claims, damagedShards } = await engine.state();
    expect(damagedShards).toEqual([1]);
    expect(claims).toEqual(new Map([...before.claims].filter(([number]) => number !== 1)));
    expect(await engine.stats(nowMs)).toEqual(new Map([...figures].filter(([number]) => number !== 1)));
  });

  it("claims and releases other shards and changes the document, and leaves that shard unchanged", async () => {
    await damage();
    const changes = [1, 2].map((number) => claim(2, { shard: shard(number) }));
    const release = [1, 3].map((number) => ({ kind: "release", shard: shard(number), epoch: 1 }) as const);
    const after = await engine.changeState(() => ({ document: "new", claims: [...changes, ...release] }));
    expect(after).toEqual(await engine.state());
    expect(after).toMatchObject({ document: "new", damagedShards: [1] });
    expect(after.claims.get(shard(2))).toMatchObject({ epoch: 2, releasedEpoch: 0 });
    expect(after.claims.get(shard(3))).toMatchObject({ epoch: 1, releasedEpoch: 1 });
    expect(after.claims.has(shard(1))).toBe(false);
    expect(await read(engine, [get("a", 1)], noBudget, 2)).toMatchObject([{ code: "ENTRY_DAMAGED" }]);
    expect(await read(engine, [get("a", 2)], noBudget, 2)).toMatchObject([{ kind: "found" }]);
  });

  it("sweeps the other shards", async () => {
    await damage();
    const laterMs = nowMs + tombstoneAgeMsMax;
    expect(await engine.sweep(laterMs, 100)).toMatchObject({ expired: 1, tombstonesDropped: 1 });
    expect(await engine.sweep(laterMs, 100)).toMatchObject({ expired: 0, tombstonesDropped: 0 });
  });

  it("refuses only that shard when its header is damaged after its claim was read", async () => {
    const reads = [get("b", 1), get("b", 2)];
    expect(await read(engine, reads, noBudget)).toMatchObject([{ kind: "found" }, { kind: "found" }]);
    await damageHeader(folder, shard(1));
    const outcomes = await read(engine, reads, { ...noBudget, nowMs: nowMs + 1000 });
    expect(outcomes).toMatchObject([{ kind: "refused", code: "ENTRY_DAMAGED" }, { kind: "notFound" }]);
    // The expiry of the entry is recorded nevertheless.
    expect(await find(engine, "b", nowMs, 2)).toBeNull();
    await changeClaims(engine, claim(2, { shard: shard(2) }));
  });
});
