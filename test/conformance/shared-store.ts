/**
 * Conformance of engines whose store several storage nodes share: who owns a shard, what a takeover by another storage node
 * keeps, and what belongs to all of them. Beside it, each engine over the store passes storage-engine.ts.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChangesCursor, ChangesOutcome, StorageEngine } from "../../src/storage/engine.js";
import { withAssignments } from "../../src/storage-node/identity/node-state.js";
import { describeTakeovers } from "./shared-store-takeovers.js";
import {
  changeClaims,
  claim,
  fill,
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

/** A new and empty store. */
export interface SharedStoreUnderTest {
  /** An engine of storage node `node`. Opened again as after a restart, maybe before the former one is closed. */
  open(node: string): Promise<StorageEngine>;
  /** From now on each commit of each engine has this fate. */
  setCommits(fate: "happens" | "happens, reply lost" | "is lost"): void;
  /** Called when all engines are closed. */
  close(): Promise<void>;
}

/** `runs`: of the property over random takeovers. Each has a store of its own. */
export function describeSharedStore(name: string, create: () => Promise<SharedStoreUnderTest>, runs: number): void {
  describe(`${name}, shared by storage nodes`, () => {
    let store: SharedStoreUnderTest;
    let opened: StorageEngine[];
    let a: StorageEngine;
    let b: StorageEngine;
    const open = async (node: string): Promise<StorageEngine> => {
      const engine = await store.open(node);
      opened.push(engine);
      return engine;
    };
    beforeEach(async () => {
      store = await create();
      opened = [];
      a = await open("a");
      b = await open("b");
    });
    afterEach(async () => {
      await Promise.all(opened.map((engine) => engine.close()));
      await store.close();
    });
    const claimOf = async (engine: StorageEngine) => (await engine.state()).claims.get(shard(0));
    const release = (epoch: number) => ({ kind: "release", shard: shard(0), epoch }) as const;

    describe("the store", () => {
      it("has one id, which all storage nodes see and a restart keeps", async () => {
        const { shared } = await a.state();
        expect(shared).toEqual({ id: expect.stringMatching(/./), cluster: null });
        expect((await b.state()).shared).toEqual(shared);
        expect((await (await open("a")).state()).shared).toEqual(shared);
      });

      it("keeps a document for each storage node", async () => {
        await a.changeState(() => ({ document: "of a", claims: [] }));
        expect((await b.state()).document).toBeNull();
        await b.changeState(() => ({ document: "of b", claims: [claim(1)] }));
        expect((await a.state()).document).toBe("of a");
        expect((await (await open("b")).state()).document).toBe("of b");
      });

      it("belongs to the first cluster that is named, and refuses other clusters and shard counts", async () => {
        const cluster = { clusterId: "one", shardCount: 4 };
        const state = await a.changeState(() => ({ cluster, claims: [] }));
        expect(state.shared?.cluster).toEqual(cluster);
        await b.changeState(() => ({ cluster: { clusterId: "two", shardCount: 8 }, claims: [] }));
        expect((await b.state()).shared?.cluster).toEqual(cluster);
        const join = (clusterId: string, shardCount: number) =>
          b.changeState((seen) => withAssignments(seen, { clusterId, shardCount, mapVersion: 1, shards: [] }));
        await expect(join("two", 4)).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
        await expect(join("one", 8)).rejects.toMatchObject({ code: "SHARD_COUNT_MISMATCH" });
        await expect(join("one", 4)).resolves.toMatchObject({ shared: { cluster } });
      });

      it("is bound by the first assignments of a storage node", async () => {
        const assignments = { clusterId: "one", shardCount: 4, mapVersion: 1, shards: [] };
        await a.changeState((seen) => withAssignments(seen, assignments));
        const { shared, document } = await b.state();
        expect([shared?.cluster, document]).toEqual([{ clusterId: "one", shardCount: 4 }, null]);
      });

      it("shows every storage node the same figures, also of shards that others own", async () => {
        await changeClaims(a, claim(1));
        await fill(a, ["a", "b"]);
        expect(await b.stats(nowMs)).toEqual(await a.stats(nowMs));
        expect((await b.stats(nowMs)).get(shard(0))).toMatchObject({ keyCount: 2, sequence: 2 });
      });
    });

    describe("a claim of another storage node", () => {
      const codesOf = async (engine: StorageEngine, epoch: number | null): Promise<readonly unknown[]> => {
        const reads = await read(engine, [get("a"), scan()], noBudget, epoch);
        const writes = await write(engine, [put("x", "1"), remove("none")], nowMs, epoch);
        const request = { shard: shard(0), epoch, cursor: null, limit: 1, bytesMax: 1 };
        const all = [...reads, ...writes, await engine.changes(request)];
        return all.map((outcome) => ("code" in outcome ? outcome.code : "runs"));
      };
      const five = (code: string): readonly string[] => Array.from({ length: 5 }, () => code);

      it("ends reads, writes and the change feed at the former owner, and the new owner has all entries", async () => {
        await changeClaims(a, claim(1));
        await write(a, [put("a", "1"), put("b", "1")], nowMs, 1);
        await changeClaims(b, claim(2));
        expect(await codesOf(a, 1)).toEqual(five("STALE_EPOCH"));
        expect(await codesOf(a, 2)).toEqual(five("STALE_EPOCH"));
        expect(await codesOf(a, 3)).toEqual(five("SHARD_NOT_HOSTED"));
        expect(await codesOf(a, null)).toEqual(five("SHARD_NOT_HOSTED"));
        expect(await write(a, [put("a", "2")], nowMs, 1)).toMatchObject([{ epoch: 2 }]);
        expect(await keys(b)).toEqual(["a", "b"]);
        expect(await find(b, "a")).toMatchObject({ value: "1", version: "1" });
        expect(await codesOf(b, 2)).toEqual(five("runs"));
      });

      it("looks released to all storage nodes but the owner", async () => {
        await changeClaims(a, claim(3, { lineage: 2 }));
        expect(await claimOf(a)).toEqual({ shard: 0, epoch: 3, releasedEpoch: 0, lineage: 2, sealedFor: null });
        expect(await claimOf(b)).toEqual({ shard: 0, epoch: 3, releasedEpoch: 3, lineage: 2, sealedFor: null });
        expect(await claimOf(await open("a"))).toMatchObject({ releasedEpoch: 0 });
      });

      it("is not released, sealed, raised or repeated by others", async () => {
        await changeClaims(b, claim(2, { lineage: 1 }));
        const before = await claimOf(b);
        await changeClaims(a, release(2), claim(1), claim(2, { lineage: 5, sealedFor: "move-1" }), release(2));
        expect(await claimOf(b)).toEqual(before);
        expect(await write(b, [put("a", "1")], nowMs, 2)).toMatchObject([{ kind: "written" }]);
        await changeClaims(a, claim(3), release(3));
        expect(await claimOf(b)).toMatchObject({ epoch: 3, releasedEpoch: 3, lineage: 1 });
      });

      it("keeps the former owner from expiring entries", async () => {
        await changeClaims(a, claim(1));
        await write(a, [put("a", "1", { expiry: { kind: "ttl", seconds: 1 } })], nowMs);
        await changeClaims(b, claim(2));
        expect((await a.sweep(nowMs + 1000, 10)).expired).toBe(0);
        expect((await b.sweep(nowMs + 1000, 10)).expired).toBe(1);
      });

      it("gives higher versions after each takeover and each restart", async () => {
        const versions: number[] = [];
        for (const [epoch, node] of ["a", "b", "b", "a", "b", "a"].entries()) {
          const engine = await open(node);
          await changeClaims(engine, claim(epoch + 1));
          for (const value of ["1", "2"]) {
            const [outcome] = await write(engine, [put("a", value)], nowMs, epoch + 1);
            if (outcome?.kind === "written") versions.push(Number(outcome.facts.version));
          }
        }
        expect(versions).toEqual(versions.toSorted((one, other) => one - other));
        expect(new Set(versions).size).toBe(12);
      });

      it("is decided for each write on its own: what the former owner has acknowledged is there, and nothing comes later", async () => {
        let [owner, next] = [a, b];
        await changeClaims(owner, claim(1));
        for (let epoch = 1; epoch <= 8; epoch++) {
          const acknowledged: string[] = [];
          const writing = Array.from({ length: 8 }, async (_, number) => {
            const key = `${epoch}.${number}`;
            const [outcome] = await write(owner, [put(key, "1")], nowMs, epoch).catch(() => []);
            if (outcome?.kind === "written") acknowledged.push(key);
          });
          await changeClaims(next, claim(epoch + 1));
          const known = [...acknowledged];
          const then = await keys(next, { prefix: `${epoch}.` });
          expect(then).toEqual(expect.arrayContaining(known));
          expect(await read(owner, [get("a")], noBudget, epoch)).toMatchObject([{ code: "STALE_EPOCH" }]);
          await Promise.all(writing);
          expect(await keys(next, { prefix: `${epoch}.` })).toEqual(then);
          expect(then).toEqual(expect.arrayContaining(acknowledged));
          [owner, next] = [next, owner];
        }
      });
    });

    describe("a takeover", () => {
      const changesOf = (engine: StorageEngine, cursor: ChangesCursor | null): Promise<ChangesOutcome> =>
        engine.changes({ shard: shard(0), epoch: null, cursor, limit: 100, bytesMax: 1e6 });

      it.each([true, false])("leaves no gap in the change feed (released before: %s)", async (isReleased) => {
        await changeClaims(a, claim(1));
        await fill(a, ["a", "b", "c"]);
        const first = await changesOf(a, null);
        const cursor = first.kind === "changes" ? first.cursor : null;
        await write(a, [remove("b")], nowMs);
        if (isReleased) await changeClaims(a, release(1));
        await changeClaims(b, claim(2));
        await write(b, [put("d", "1")], nowMs);
        expect(await changesOf(b, cursor)).toMatchObject({
          kind: "changes",
          changes: [
            { kind: "deleted", key: "b" },
            { kind: "put", entry: { key: "d" } },
          ],
        });
      });

      it("shows no entry again that was seen expired, although the new owner's clock is behind", async () => {
        await changeClaims(a, claim(1));
        const expiry = { kind: "ttl", seconds: 5 } as const;
        await write(a, [put("seen", "1", { expiry }), put("removed", "1", { expiry }), put("kept", "1")], nowMs);
        expect(await find(a, "seen", nowMs + 5000)).toBeNull();
        await changeClaims(b, claim(2));
        expect(await keys(b)).toEqual(["kept"]);
        const ifPresent = { condition: { kind: "ifPresent" } } as const;
        expect(await write(b, [remove("removed", ifPresent)], nowMs)).toMatchObject([{ kind: "conflict" }]);
        expect(await keys(await open("b"))).toEqual(["kept"]);
        expect((await b.sweep(nowMs, 10)).expired).toBe(2);
        expect(await keys(b)).toEqual(["kept"]);
      });

      it("does not let the former owner see an entry expire for all", async () => {
        await changeClaims(a, claim(1));
        await write(a, [put("a", "1", { expiry: { kind: "ttl", seconds: 5 } })], nowMs);
        await changeClaims(b, claim(2));
        const later = { ...noBudget, nowMs: nowMs + 5000 };
        expect(await read(a, [get("a")], later, 1)).toMatchObject([{ code: "STALE_EPOCH" }]);
        expect(await find(b, "a")).toMatchObject({ value: "1" });
      });
    });
  });
  describeTakeovers(name, create, runs);
}
