/** A data folder of version 0.1.0, and its expected content. */
import { cp, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { verifyLmdbFolder } from "../../../src/storage/lmdb/check/verify.js";
import { get, noBudget, read, shard } from "../../conformance/storage-operations.js";

export interface Expected {
  readonly document: { readonly clusterId: string; readonly shardCount: number; readonly mapVersion: number };
  readonly shards: readonly { readonly shard: number; readonly keyCount: number; readonly sizeBytes: number }[];
  readonly entries: readonly ({ readonly shard: number; readonly key: string } & Readonly<Record<string, unknown>>)[];
}

const fixture = path.join(import.meta.dirname, "../fixtures/lmdb-0.1.0");
/** A moment before the first entry of the fixture expires. */
export const madeMs = 1_795_974_454_000;

/** A copy of the fixture, which the caller removes. */
export async function oldFolder(): Promise<{ readonly folder: string; readonly expected: Expected }> {
  const folder = await mkdtemp(path.join(tmpdir(), "upgrade-"));
  await cp(path.join(fixture, "data.mdb"), path.join(folder, "data.mdb"));
  const expected = JSON.parse(await readFile(path.join(fixture, "expected.json"), "utf8")) as Expected;
  return { folder, expected };
}

/** Expects everything that the folder had, undamaged. */
export async function expectUpgraded(folder: string, expected: Expected): Promise<void> {
  const engine = await LmdbEngine.open(folder);
  onTestFinished(() => engine.close());
  const state = await engine.state();
  const { clusterId, shardCount, mapVersion } = expected.document;
  expect(JSON.parse(state.document ?? "")).toEqual({ clusterId, shardCount, mapVersion });
  const claim = { epoch: 1, releasedEpoch: 0, lineage: 0, sealedFor: null };
  expect(state.claims).toEqual(new Map([0, 1, 2, 3].map((number) => [number, { shard: number, ...claim }])));
  for (const { shard: number, key, ...rest } of expected.entries) {
    const [outcome] = await read(engine, [get(key, number)], { ...noBudget, nowMs: madeMs }, 1);
    expect(outcome).toEqual({ kind: "found", entry: { key, ...rest } });
  }
  const stats = await engine.stats(madeMs);
  for (const { shard: number, ...figures } of expected.shards) expect(stats.get(shard(number))).toMatchObject(figures);
  expect((await verifyLmdbFolder(folder)).problems).toEqual([]);
}
