/** Tests with processes that are killed while they write a data folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { verifyLmdbFolder } from "../../../src/storage/lmdb/check/verify.js";
import { claimAll, find, nowMs, put, shard, write } from "../../conformance/storage-operations.js";
import { expectUpgraded, oldFolder } from "./old-folder.js";
import { itemCount, listing, walking } from "./stale-items.js";

describe("LmdbEngine", () => {
  let folder: string;
  let engine: LmdbEngine | null;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "lmdb-killed-"));
    engine = null;
  });
  afterEach(async () => {
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(bounds?: Parameters<typeof LmdbEngine.open>[1]): Promise<LmdbEngine> {
    await engine?.close();
    engine = null;
    engine = await LmdbEngine.open(folder, bounds);
    return engine;
  }

  it("orders the writes of several processes, even when one of them is killed", async () => {
    const script = path.join(import.meta.dirname, "writer.mjs");
    const names = ["first", "second", "third"];
    // One process creates the folder; the others start in any order.
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
          // One process is killed while the others write, and they must continue.
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

  it("has every acknowledged write, and only whole groups, after kill -9 during writes", async () => {
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

  it.each([
    ["remembers what is stale", listing],
    ["looks for what is stale", walking],
  ])("that %s is intact after kill -9 during a pass", async (_, bounds) => {
    await claimAll(await open(bounds));
    const script = path.join(import.meta.dirname, "overwriter.mjs");
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "exit");
    let steps = 0;
    for await (const _ of createInterface({ input: child.stdout })) {
      steps++;
      if (steps === 25) child.kill("SIGKILL");
    }
    expect((await ended)[1]).toBe("SIGKILL");
    expect(steps).toBeGreaterThanOrEqual(25);
    expect(await verifyLmdbFolder(folder)).toMatchObject({ problems: [], entries: 20 });
    const survivor = await open(bounds);
    while ((await survivor.sweep(nowMs, 100)).isMore);
    expect(await itemCount(folder)).toBeLessThanOrEqual(20 + 2 * 20);
  });
});

it("a folder of version 0.1.0 is intact after kill -9 during the upgrade", async () => {
  const { folder, expected } = await oldFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (let times = 0; times < 3; times++) {
    const script = path.join(import.meta.dirname, "upgrader.mjs");
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    let steps = 0;
    for await (const _ of createInterface({ input: child.stdout })) {
      steps++;
      if (steps === 8) child.kill("SIGKILL");
    }
    expect((await ended)[1]).toBe("SIGKILL");
  }
  await expectUpgraded(folder, expected);
});
