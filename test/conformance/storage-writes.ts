/** Conformance of storage engines: gets, puts, deletes, conditions, versions, atomic groups and figures. */
import { describe, expect, it } from "vitest";
import type { JsonText } from "../../src/core/text/json-text.js";
import type { OperationCondition } from "../../src/core/operation.js";
import type { StorageEngine } from "../../src/storage/engine.js";
import {
  figures,
  fill,
  find,
  get,
  keys,
  noBudget,
  nowMs,
  put,
  read,
  remove,
  shard,
  version,
  write,
} from "./storage-operations.js";

export function describeWrites(engine: () => StorageEngine): void {
  describe("entries", () => {
    it("return a value exactly as it was written", async () => {
      const value = '{"b": 1.10,"a":[12345678901234567890, "🦊 \\u0041"]  }';
      const [outcome] = await write(engine(), [put("user123", value)], nowMs);
      const facts = { version: "1", createdAtMs: nowMs, updatedAtMs: nowMs, expiresAtMs: null };
      expect(outcome).toEqual({ kind: "written", isNew: true, facts });
      expect(await find(engine(), "user123")).toEqual({ key: "user123", value, ...facts });
    });

    it("keep the time of creation when they are replaced, and lose it when they are deleted", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      const [replaced] = await write(engine(), [put("a", "2")], nowMs + 5);
      expect(replaced).toMatchObject({
        isNew: false,
        facts: { version: "2", createdAtMs: nowMs, updatedAtMs: nowMs + 5 },
      });
      await write(engine(), [remove("a")], nowMs + 6);
      const [renewed] = await write(engine(), [put("a", "3")], nowMs + 7);
      expect(renewed).toMatchObject({ isNew: true, facts: { version: "4", createdAtMs: nowMs + 7 } });
      expect(await find(engine(), "a")).toMatchObject({ value: "3", createdAtMs: nowMs + 7, updatedAtMs: nowMs + 7 });
    });

    it("have their version reported by a delete, which reports notFound when there is none", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      const outcomes = await write(engine(), [remove("a"), remove("a"), remove("never")], nowMs);
      expect(outcomes).toEqual([{ kind: "deleted", version: "1" }, { kind: "notFound" }, { kind: "notFound" }]);
      expect(await find(engine(), "a")).toBeNull();
    });

    it("are distinguished byte by byte, and by their shards", async () => {
      const alike = ["é", "e\u0301", "a/b", "a%2Fb", "A", "a", "a ", "__proto__", "constructor", "toJSON"];
      await fill(engine(), alike);
      await write(engine(), [put("a", '"elsewhere"', { shard: shard(4095) })], nowMs);
      for (const key of alike) expect((await find(engine(), key))?.value).toBe(JSON.stringify(`value of ${key}`));
      expect(await find(engine(), "a", nowMs, 4095)).toMatchObject({ value: '"elsewhere"', version: "1" });
      expect(await find(engine(), "A", nowMs, 4095)).toBeNull();
    });

    it("have keys of up to 1024 bytes and values of up to 1 MiB", async () => {
      const long = ["k".repeat(1024), "🦊".repeat(256), `${"🦊".repeat(255)}abcd`];
      const value = JSON.stringify("ü".repeat((1024 * 1024 - 2) / 2));
      expect(Buffer.byteLength(value)).toBe(1024 * 1024);
      await write(
        engine(),
        long.map((key) => put(key, value)),
        nowMs,
      );
      for (const key of long) expect((await find(engine(), key))?.value).toBe(value);
      expect(await keys(engine())).toHaveLength(3);
      expect((await figures(engine(), nowMs)).get(shard(0))).toEqual({
        keyCount: 3,
        sizeBytes: 3 * (1024 + 1024 * 1024),
      });
    });

    it("are read by many keys of many shards in the requested order, each as often as requested", async () => {
      await write(engine(), [put("a", "1"), put("b", "2", { shard: shard(300) })], nowMs);
      const outcomes = await read(engine(), [get("b", 300), get("a"), get("b"), get("a")], noBudget);
      expect(outcomes.map((outcome) => (outcome.kind === "found" ? outcome.entry.value : outcome.kind))).toEqual([
        "2",
        "1",
        "notFound",
        "1",
      ]);
    });

    it("are not affected by an empty list of operations", async () => {
      expect(await read(engine(), [], noBudget)).toEqual([]);
      expect(await write(engine(), [], nowMs)).toEqual([]);
    });
  });

  describeConditions(engine);
  describeVersions(engine);
  describeGroups(engine);
  describeFigures(engine);
}

function ifVersion(text: string): OperationCondition {
  return { kind: "ifVersion", version: version(text) };
}

function describeConditions(engine: () => StorageEngine): void {
  describe.each<readonly [string, OperationCondition, boolean, boolean]>([
    ["ifVersion with the current version", ifVersion("1"), true, false],
    ["ifVersion with another version", ifVersion("7"), false, false],
    ["ifAbsent", { kind: "ifAbsent" }, false, true],
    ["ifPresent", { kind: "ifPresent" }, true, false],
  ])("%s", (_, condition, holdsWhenThere, holdsWhenAbsent) => {
    it(`lets a write of an existing entry ${holdsWhenThere ? "happen" : "conflict, with the entry as it is"}`, async () => {
      await write(engine(), [put("a", "1"), put("b", "1", { shard: shard(1) })], nowMs);
      const outcomes = await write(
        engine(),
        [put("a", "2", { condition }), remove("b", { shard: shard(1), condition })],
        nowMs + 1,
      );
      const kept = { value: "1", version: "1", createdAtMs: nowMs, updatedAtMs: nowMs, expiresAtMs: null };
      expect(outcomes).toMatchObject(
        holdsWhenThere
          ? [
              { kind: "written", isNew: false },
              { kind: "deleted", version: "1" },
            ]
          : [
              { kind: "conflict", current: { key: "a", ...kept } },
              { kind: "conflict", current: { key: "b", ...kept } },
            ],
      );
      expect((await find(engine(), "a"))?.value).toBe(holdsWhenThere ? "2" : "1");
      expect(await find(engine(), "b", nowMs, 1)).toEqual(holdsWhenThere ? null : { key: "b", ...kept });
    });

    it(`lets a write of a missing entry ${holdsWhenAbsent ? "happen" : "conflict with null"}`, async () => {
      const outcomes = await write(engine(), [put("a", "1", { condition }), remove("b", { condition })], nowMs);
      const conflict = { kind: "conflict", current: null };
      expect(outcomes).toMatchObject(
        holdsWhenAbsent ? [{ kind: "written", isNew: true }, { kind: "notFound" }] : [conflict, conflict],
      );
      expect(await find(engine(), "a")).toEqual(holdsWhenAbsent ? expect.anything() : null);
    });
  });
}

function describeVersions(engine: () => StorageEngine): void {
  describe("versions", () => {
    it("are the shard's own sequence, without gaps for writes that did not happen", async () => {
      const outcomes = await write(
        engine(),
        [
          put("a", "1"),
          put("a", "2", { condition: { kind: "ifAbsent" } }),
          remove("never"),
          put("b", "1"),
          put("x", "1", { shard: shard(9) }),
          remove("a"),
          put("a", "3"),
        ],
        nowMs,
      );
      const versions = outcomes.map((outcome) => (outcome.kind === "written" ? outcome.facts.version : outcome.kind));
      expect(versions).toEqual(["1", "conflict", "notFound", "2", "1", "deleted", "4"]);
    });

    it("are never reused, even when everything was deleted or has been swept", async () => {
      await write(engine(), [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } }), put("b", "1")], nowMs);
      await write(engine(), [remove("b")], nowMs);
      expect((await engine().sweep(nowMs + 1000, 10)).expired).toBe(1);
      expect(await keys(engine())).toEqual([]);
      const [outcome] = await write(engine(), [put("a", "2")], nowMs + 1000);
      expect(outcome).toMatchObject({ isNew: true, facts: { version: "5" } });
    });
  });
}

function describeGroups(engine: () => StorageEngine): void {
  describe("a group of writes", () => {
    it("shows each operation the effects of the earlier ones", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      const outcomes = await write(
        engine(),
        [
          put("a", "2", { condition: ifVersion("1") }),
          put("a", "3", { condition: ifVersion("1") }),
          put("a", "4", { condition: ifVersion("2") }),
          remove("a", { condition: ifVersion("3") }),
          put("a", "5", { condition: { kind: "ifAbsent" } }),
          put("b", "1"),
          remove("b"),
        ],
        nowMs,
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        "written",
        "conflict",
        "written",
        "deleted",
        "written",
        "written",
        "deleted",
      ]);
      expect(outcomes[1]).toMatchObject({ current: { value: "2", version: "2" } });
      expect(await find(engine(), "a")).toMatchObject({ value: "5", version: "5" });
      expect(await keys(engine())).toEqual(["a"]);
    });

    it("does not happen at all when it fails in the middle", async () => {
      await write(engine(), [put("a", "1"), put("b", "1", { expiry: { kind: "ttl", seconds: 60 } })], nowMs);
      const stats = await figures(engine(), nowMs);
      const broken = put("c", "1", { value: undefined as unknown as JsonText });
      const group = [put("a", "2"), remove("b"), put("new", "1", { shard: shard(5) }), broken, put("d", "1")];
      await expect(write(engine(), group, nowMs)).rejects.toThrow();
      expect(await find(engine(), "a")).toMatchObject({ value: "1", version: "1" });
      expect(await keys(engine())).toEqual(["a", "b"]);
      expect(await figures(engine(), nowMs)).toEqual(stats);
      expect(await write(engine(), [put("a", "3")], nowMs)).toMatchObject([{ facts: { version: "3" } }]);
    });

    it("does not affect other groups when it fails", async () => {
      const broken = put("b", "1", { value: undefined as unknown as JsonText });
      const [first, failed, last] = await Promise.allSettled([
        write(engine(), [put("a", "1")], nowMs),
        write(engine(), [put("a", "2"), broken], nowMs),
        write(engine(), [put("c", "3")], nowMs),
      ]);
      expect([first.status, failed.status, last.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
      const versions = [await find(engine(), "a"), await find(engine(), "c")].map((entry) => entry?.version);
      expect(versions.toSorted()).toEqual(["1", "2"]);
    });

    it("is visible to reads as a whole or not at all", async () => {
      const groups = Array.from({ length: 50 }, (_, round) =>
        write(
          engine(),
          ["a", "b"].map((key) => put(key, String(round))),
          nowMs,
        ),
      );
      const signal = { isDone: false };
      const written = Promise.all(groups).finally(() => (signal.isDone = true));
      while (!signal.isDone) {
        const [a, b] = await read(engine(), [get("a"), get("b")], noBudget);
        expect(b?.kind === "found" && b.entry.value).toBe(a?.kind === "found" && a.entry.value);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await written;
      const [last] = (await figures(engine(), nowMs)).values();
      expect(last).toMatchObject({ keyCount: 2 });
      const [a, b] = [await find(engine(), "a"), await find(engine(), "b")];
      expect([a?.value, a?.version, b?.version]).toEqual([b?.value, "99", "100"]);
    });

    it("is visible to a read that begins after its promise resolved", async () => {
      for (let round = 0; round < 50; round++) {
        const before = read(engine(), [get("a")], noBudget);
        await write(engine(), [put("a", String(round))], nowMs);
        expect((await find(engine(), "a"))?.value).toBe(String(round));
        await before;
      }
    });
  });
}

function describeFigures(engine: () => StorageEngine): void {
  describe("stats", () => {
    it("count live keys and their bytes per shard, for every shard that was ever written", async () => {
      expect(await figures(engine(), nowMs)).toEqual(new Map());
      const [one, two] = [{ shard: shard(1) }, { shard: shard(4095) }];
      await write(engine(), [put("é", '"é"', one), put("b", "12", one), put("c", "1", two), remove("c", two)], nowMs);
      await write(engine(), [remove("never", { shard: shard(7) }), put("b", "3456", one)], nowMs);
      expect(await figures(engine(), nowMs)).toEqual(
        new Map([
          [shard(1), { keyCount: 2, sizeBytes: 2 + 4 + 1 + 4 }],
          [shard(4095), { keyCount: 0, sizeBytes: 0 }],
        ]),
      );
    });
  });

  it("keeps 20,000 entries, pages through all of them once, and finds any", async () => {
    const all = Array.from({ length: 20_000 }, (_, index) => `user${(index * 7919) % 20_000}`);
    for (let start = 0; start < all.length; start += 4000) await fill(engine(), all.slice(start, start + 4000));
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const outcome: readonly string[] = await keys(engine(), { after });
      seen.push(...outcome);
      if (outcome.length < 1000) break;
      after = outcome.at(-1) ?? null;
    }
    expect(seen).toEqual(all.toSorted());
    expect((await find(engine(), "user19999"))?.value).toBe('"value of user19999"');
    expect((await figures(engine(), nowMs)).get(shard(0))).toMatchObject({ keyCount: 20_000 });
  });
}
