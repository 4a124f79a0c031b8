/**
 * Conformance of storage engines whose calls are slow, overlap, lose replies and meet a fail-over: what holds when the
 * outcome of a change is unknown, and that overlapping calls do not undo each other.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import type { WriteOutcome } from "../../src/core/operation.js";
import type { StorageEngine } from "../../src/storage/engine.js";
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
  shard,
  version,
  write,
} from "./storage-operations.js";

/** An engine over a store that can be made to fail. */
export interface UnreliableEngine {
  readonly engine: StorageEngine;
  /** From now on each commit has this fate. */
  setCommits(fate: "happens" | "happens, reply lost" | "is lost"): void;
  /** Running calls fail; later ones succeed. */
  failOver(): void;
}

export function describeUnknownOutcomes(name: string, open: () => Promise<UnreliableEngine>): void {
  describe(`${name}, where outcomes may be unknown`, () => {
    let store: UnreliableEngine;
    beforeEach(async () => {
      store = await open();
      await claimAll(store.engine);
    });
    afterEach(() => store.engine.close());

    it.each(["happens, reply lost", "is lost"] as const)("answers OUTCOME_UNKNOWN when a commit %s", async (fate) => {
      const { engine } = store;
      await write(engine, [put("a", "1"), put("b", "1")], nowMs);
      store.setCommits(fate);
      const group = [put("a", "2"), put("b", "2"), put("c", "2", { shard: shard(1) })];
      await expect(write(engine, group, nowMs)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      await expect(changeClaims(engine, claim(2))).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
      store.setCommits("happens");
      const hasHappened = fate === "happens, reply lost";
      const found = [await find(engine, "a"), await find(engine, "b"), await find(engine, "c", nowMs, 1)];
      const values = found.map((entry) => entry?.value ?? null);
      expect(values).toEqual(hasHappened ? ["2", "2", "2"] : ["1", "1", null]);
      expect((await engine.state()).claims.get(shard(0))?.epoch).toBe(hasHappened ? 2 : 1);
      // Repeating a claim is correct in both cases.
      await changeClaims(engine, claim(2));
      expect((await engine.state()).claims.get(shard(0))?.epoch).toBe(2);
    });

    it("gives no version twice, and keeps every acknowledged write, whatever the outcome of the others", async () => {
      const { engine } = store;
      const given = new Map<string, string>();
      const fates = ["happens", "is lost", "happens, reply lost"] as const;
      for (let round = 0; round < 30; round++) {
        store.setCommits(fates[round % fates.length] ?? "happens");
        const calls = Array.from({ length: 4 }, async (_, caller) => {
          const key = `${round}.${caller}`;
          const [outcome] = await write(engine, [put(key, "1")], nowMs).catch(unknown);
          if (outcome?.kind !== "written") return;
          expect(given.has(outcome.facts.version ?? "")).toBe(false);
          given.set(outcome.facts.version ?? "", key);
        });
        if (round % 5 === 0) store.failOver();
        await Promise.all(calls);
      }
      store.setCommits("happens");
      for (const [version, key] of given) expect(await find(engine, key)).toMatchObject({ version });
      const stats = (await engine.stats(nowMs)).get(shard(0));
      const page = await engine.changes({ shard: shard(0), epoch: 1, cursor: null, limit: 1000, bytesMax: 1e6 });
      const versions =
        page.kind === "changes" ? page.changes.map((change) => "entry" in change && change.entry.version) : [];
      expect(new Set(versions).size).toBe(stats?.keyCount);
      expect(stats?.sequence).toBe(stats?.keyCount);
    });

    it("fails calls that meet a fail-over, having changed nothing, and works again afterwards", async () => {
      const { engine } = store;
      await write(engine, [put("a", "1")], nowMs);
      const calls = [
        write(engine, [put("a", "2")], nowMs),
        read(engine, [get("a")], noBudget),
        changeClaims(engine, claim(2)),
        engine.stats(nowMs),
      ];
      store.failOver();
      for (const call of await Promise.allSettled(calls)) {
        expect(call).toMatchObject({ status: "rejected", reason: { code: "STORAGE_FAILED" } });
      }
      expect(await find(engine, "a")).toMatchObject({ value: "1", version: "1" });
      expect(await write(engine, [put("a", "2")], nowMs)).toMatchObject([{ facts: { version: "2" } }]);
    });

    it("answers a read of an expired entry only once the expiry mark is durable", async () => {
      const { engine } = store;
      await write(engine, [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } }), put("b", "1")], nowMs);
      const later = { ...noBudget, nowMs: nowMs + 1000 };
      for (const fate of ["is lost", "happens, reply lost"] as const) {
        store.setCommits(fate);
        const outcomes = await read(engine, [get("b"), get("a")], later);
        expect(outcomes).toMatchObject([{ kind: "found" }, { kind: "refused", code: "SHARD_UNAVAILABLE" }]);
      }
      store.setCommits("happens");
      expect(await read(engine, [get("a")], later)).toMatchObject([{ kind: "notFound" }]);
      expect(await find(engine, "a", nowMs)).toBeNull();
    });
  });
}

/** For any engine: overlapping calls of several callers. */
export function describeOverlappingCalls(engine: () => StorageEngine): void {
  describe("calls that overlap", () => {
    it("lose no conditional update", async () => {
      await write(engine(), [put("count", "0")], nowMs);
      const increase = async (): Promise<void> => {
        for (;;) {
          const before = await find(engine(), "count");
          const condition = { kind: "ifVersion", version: before?.version ?? version("1") } as const;
          const next = put("count", String(Number(before?.value) + 1), { condition });
          const [outcome] = await write(engine(), [next], nowMs);
          if (outcome?.kind === "written") return;
        }
      };
      await Promise.all(Array.from({ length: 12 }, increase));
      expect(await find(engine(), "count")).toMatchObject({ value: "12", version: "13" });
    });

    it("each run under the current claim: nothing is written under an older one after a newer was made", async () => {
      const outcomes: (readonly [number, WriteOutcome | { readonly kind: "refused" }])[] = [];
      const writer = async (epoch: number): Promise<void> => {
        for (let round = 0; round < 10; round++) {
          const [outcome] = await write(engine(), [put(`${epoch}.${round}`, "1")], nowMs, epoch);
          if (outcome !== undefined) outcomes.push([epoch, outcome]);
          await changeClaims(engine(), claim(epoch));
        }
      };
      await Promise.all([1, 2, 3].map(writer));
      const written = outcomes.flatMap(([epoch, outcome]) =>
        outcome.kind === "written" ? [[epoch, Number(outcome.facts.version)] as const] : [],
      );
      for (const [epoch, number] of written) expect(Math.ceil(number / 2 ** 32)).toBe(epoch);
      expect(new Set(written.map(([, number]) => number)).size).toBe(written.length);
      const [last] = await write(engine(), [put("last", "1")], nowMs, 3);
      expect(last?.kind).toBe("written");
    });

    it("read expired entries under the current claim, even while it changes", async () => {
      const expiry = { kind: "ttl", seconds: 1 } as const;
      const numbers = Array.from({ length: 10 }, (_, index) => index);
      for (const number of numbers) {
        await write(engine(), [put(`e${number}`, "1", { expiry })], nowMs + number * 2000);
        const laterMs = nowMs + number * 2000 + 1000;
        const reads = [null, number + 1].map((epoch) =>
          read(engine(), [get(`e${number}`), get("none")], { ...noBudget, nowMs: laterMs }, epoch),
        );
        const [[plain], [fenced]] = await Promise.all([
          reads[0] ?? [],
          reads[1] ?? [],
          changeClaims(engine(), claim(number + 2)),
        ]);
        expect(plain?.kind).toBe("notFound");
        expect(["notFound", "refused"]).toContain(fenced?.kind);
        expect(await find(engine(), `e${number}`, laterMs - 1)).toBeNull();
      }
    });

    it("sweep, write and read without miscounting", async () => {
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      const expiry = { kind: "ttl", seconds: 1 } as const;
      await write(
        engine(),
        numbers.map((number) => put(`e${number}`, "1", { expiry })),
        nowMs,
      );
      const laterMs = nowMs + 1000;
      await Promise.all(
        numbers.flatMap((number) => [
          write(engine(), [put(`k${number}`, "1")], laterMs),
          engine().sweep(laterMs, 3),
          find(engine(), `e${number}`, laterMs),
        ]),
      );
      const { length } = numbers;
      while ((await engine().sweep(nowMs + 1000, 5)).expired > 0);
      const stats = (await engine().stats(nowMs)).get(shard(0));
      expect(stats).toMatchObject({ keyCount: length, tombstoneCount: length, sequence: 3 * length });
    });
  });
}

/** A caller learns nothing from a failed change. */
function unknown(error: unknown): readonly undefined[] {
  if (error instanceof ShardgateError && ["OUTCOME_UNKNOWN", "STORAGE_FAILED"].includes(error.code)) return [];
  throw error;
}
