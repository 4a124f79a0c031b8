/**
 * Conformance of storage engines: who may touch a shard, the versions of its epochs, and the state beside the entries.
 */
import { describe, expect, it } from "vitest";
import { versionsPerEpoch } from "../../src/core/limits.js";
import type { ShardClaim, StorageEngine } from "../../src/storage/engine.js";
import {
  changeClaims,
  claim,
  find,
  get,
  keys,
  noBudget,
  nowMs,
  put,
  read,
  remove,
  scan,
  shard,
  write,
} from "./storage-operations.js";

const never = shard(77);

export function describeClaims(engine: () => StorageEngine): void {
  const claimed = async (): Promise<ShardClaim | undefined> => (await engine().state()).claims.get(shard(0));

  describe("a claim", () => {
    it("is stored, and repeating it or applying an older one changes nothing", async () => {
      await changeClaims(engine(), claim(5, { lineage: 2, sealedFor: "move-1" }));
      const expected = { shard: 0, epoch: 5, releasedEpoch: 0, lineage: 2, sealedFor: "move-1" };
      expect(await claimed()).toEqual(expected);
      await changeClaims(engine(), claim(5, { lineage: 2, sealedFor: "move-1" }), claim(4, { lineage: 9 }));
      expect(await claimed()).toEqual(expected);
    });

    it("of the same epoch raises the lineage, never lowers it, and seals or unseals", async () => {
      await changeClaims(engine(), claim(1, { lineage: 3, sealedFor: "move-1" }));
      expect(await claimed()).toMatchObject({ lineage: 3, sealedFor: "move-1" });
      await changeClaims(engine(), claim(1, { lineage: 2 }));
      expect(await claimed()).toMatchObject({ epoch: 1, lineage: 3, sealedFor: null });
    });

    it("stays released until a higher one", async () => {
      await changeClaims(engine(), claim(4), { kind: "release", shard: shard(0), epoch: 4 }, claim(4));
      expect(await claimed()).toMatchObject({ epoch: 4, releasedEpoch: 4 });
      await changeClaims(engine(), { kind: "release", shard: shard(0), epoch: 4 }, claim(5));
      expect(await claimed()).toMatchObject({ epoch: 5, releasedEpoch: 4 });
      // A late release, after another process claimed the shard again, releases nothing.
      await changeClaims(engine(), { kind: "release", shard: shard(0), epoch: 4 });
      expect(await claimed()).toMatchObject({ epoch: 5, releasedEpoch: 4 });
    });

    it("is refused for an epoch below 1, and then nothing is changed", async () => {
      for (const epoch of [0, -1, 1.5, Number.NaN]) {
        const change = { document: "lost", claims: [claim(9), claim(epoch, { shard: shard(1) })] };
        await expect(engine().changeState(() => change)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      }
      expect((await engine().state()).document).toBeNull();
      expect(await claimed()).toMatchObject({ epoch: 1 });
    });
  });

  describe("an operation", () => {
    const codesOf = async (epoch: number | null, number = shard(0)): Promise<readonly unknown[]> => {
      const reads = await read(engine(), [get("a", number), scan({ shard: number })], noBudget, epoch);
      const place = { shard: number };
      const writes = await write(engine(), [put("a", "1", place), remove("none", place)], nowMs, epoch);
      const request = { shard: number, epoch, cursor: null, limit: 1, bytesMax: 1 };
      const all = [...reads, ...writes, await engine().changes(request)];
      return all.map((outcome) => ("code" in outcome ? outcome.code : "runs"));
    };
    const five = (code: string): readonly string[] => Array.from({ length: 5 }, () => code);

    it("runs under exactly the claim's epoch, or without an epoch", async () => {
      await changeClaims(engine(), claim(3));
      expect(await codesOf(2)).toEqual(five("STALE_EPOCH"));
      expect(await codesOf(4)).toEqual(five("SHARD_NOT_HOSTED"));
      expect(await codesOf(3)).toEqual(five("runs"));
      expect(await codesOf(null)).toEqual(five("runs"));
    });

    it("is refused with the store's own epoch when its epoch is older", async () => {
      await changeClaims(engine(), claim(3));
      const [outcome] = await write(engine(), [put("a", "1")], nowMs, 2);
      const message = "Epoch 2 of shard 0 is not current: this storage node has claimed epoch 3.";
      expect(outcome).toEqual({ kind: "refused", code: "STALE_EPOCH", message, epoch: 3 });
      const [higher] = await read(engine(), [get("a")], noBudget, 4);
      expect(higher).toMatchObject({ message: "This storage node has not claimed epoch 4 of shard 0 yet." });
      expect(higher).not.toHaveProperty("epoch");
    });

    it("is refused on a shard that was never claimed or has been released", async () => {
      expect(await codesOf(null, never)).toEqual(five("SHARD_NOT_HOSTED"));
      expect(await codesOf(1, never)).toEqual(five("SHARD_NOT_HOSTED"));
      await changeClaims(engine(), { kind: "release", shard: shard(0), epoch: 1 });
      expect(await codesOf(null)).toEqual(five("SHARD_NOT_HOSTED"));
      expect(await codesOf(1)).toEqual(five("STALE_EPOCH"));
      expect(await codesOf(2)).toEqual(five("SHARD_NOT_HOSTED"));
      expect((await engine().stats(nowMs)).has(never)).toBe(false);
    });

    it("is refused while the shard is sealed, and runs again when it is not", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      await changeClaims(engine(), claim(1, { sealedFor: "move-1" }));
      expect(await codesOf(1)).toEqual(five("SHARD_UNAVAILABLE"));
      expect(await codesOf(null)).toEqual(five("SHARD_UNAVAILABLE"));
      await changeClaims(engine(), claim(1));
      expect(await find(engine(), "a")).toMatchObject({ version: "1" });
    });

    it("is refused alone, while others run", async () => {
      await changeClaims(engine(), claim(3, { shard: shard(1) }));
      const writes = [
        { operation: put("a", "1"), epoch: 1 },
        { operation: put("a", "1", { shard: shard(1) }), epoch: 2 },
        { operation: put("a", "1", { shard: never }), epoch: null },
        { operation: put("b", "1", { shard: shard(1) }), epoch: 3 },
      ];
      const kinds = (outcomes: readonly { readonly kind: string }[]) => outcomes.map(({ kind }) => kind);
      expect(kinds(await engine().write(writes, nowMs))).toEqual(["written", "refused", "refused", "written"]);
      const reads = writes.map(({ operation, epoch }) => ({ operation: get(operation.key, operation.shard), epoch }));
      expect(kinds(await engine().read(reads, noBudget))).toEqual(["found", "refused", "refused", "found"]);
      expect(await keys(engine(), { shard: shard(1) })).toEqual(["b"]);
    });

    it("takes no version when it is refused", async () => {
      await write(engine(), [put("a", "1")], nowMs, 2);
      expect(await write(engine(), [put("a", "1")], nowMs)).toMatchObject([{ facts: { version: "1" } }]);
    });
  });

  describe("versions of an epoch", () => {
    it("begin above those of all earlier ones, whichever epochs were skipped", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      await changeClaims(engine(), claim(2));
      const version = async (): Promise<unknown> => {
        const [outcome] = await write(engine(), [put("a", "1")], nowMs);
        return outcome?.kind === "written" && outcome.facts.version;
      };
      expect(await version()).toBe(String(versionsPerEpoch + 1));
      await changeClaims(engine(), claim(7));
      expect(await version()).toBe(String(6 * versionsPerEpoch + 1));
      await changeClaims(engine(), claim(2), claim(7));
      expect(await version()).toBe(String(6 * versionsPerEpoch + 2));
      expect((await engine().stats(nowMs)).get(shard(0))?.sequence).toBe(6 * versionsPerEpoch + 2);
    });
  });

  describe("the document", () => {
    const writeDocument = (document: string) => engine().changeState(() => ({ document, claims: [] }));

    it("is null before the first write, and then the last one written, apart from the entries", async () => {
      expect((await engine().state()).document).toBeNull();
      await writeDocument('{"clusterId":"🦊"}');
      expect((await writeDocument("")).document).toBe("");
      const long = "x".repeat(1_000_000);
      expect((await writeDocument(long)).document).toBe(long);
      expect((await engine().state()).document).toBe(long);
      expect(await keys(engine())).toEqual([]);
    });

    it("stays when only claims change, and vice versa", async () => {
      await writeDocument("kept");
      await changeClaims(engine(), claim(3));
      const state = await writeDocument("new");
      expect(state.claims.get(shard(0))).toMatchObject({ epoch: 3 });
      expect(await engine().state()).toEqual(state);
    });

    it("is changed together with claims or not at all, by a decision over the newest state", async () => {
      const add = (text: string) =>
        engine().changeState(({ document }) => ({ document: `${document ?? ""}${text}`, claims: [] }));
      await Promise.all(["a", "b", "c", "d"].map(add));
      const { document } = await engine().state();
      expect([...(document ?? "")].toSorted().join("")).toBe("abcd");
      const broken = new RangeError("The decision failed.");
      const failing = engine().changeState(() => {
        throw broken;
      });
      await expect(failing).rejects.toThrow("The decision failed.");
      const before = await engine().state();
      expect(await engine().changeState(() => null)).toEqual(before);
      expect(await engine().state()).toEqual(before);
    });
  });

  describe("a clock that jumps back", () => {
    it("never makes an entry appear changed before it was created", async () => {
      await write(engine(), [put("a", "1")], nowMs);
      const [outcome] = await write(engine(), [put("a", "2")], nowMs - 5000);
      expect(outcome).toMatchObject({ facts: { createdAtMs: nowMs, updatedAtMs: nowMs } });
    });
  });
}
