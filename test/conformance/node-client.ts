/** What every NodeClient does, whatever is behind it. `open` gives a client of a fresh, empty storage node. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome, Operation } from "../../src/core/operation.js";
import { NodeFault, type NodeClient, type NodeKind } from "../../src/routing/node-client.js";
import { get, put, remove, routed, scan } from "../support/operations.js";

export interface OpenedClient {
  readonly client: NodeClient;
  close(): Promise<void>;
}

const call = { timeoutMs: 5_000 };

export function describeNodeClient(name: string, kind: NodeKind, open: () => Promise<OpenedClient>): void {
  describe(`${name} of a ${kind} storage node`, () => {
    let opened: OpenedClient;
    const run = (...operations: Operation[]): Promise<readonly Outcome[]> =>
      opened.client.execute(
        operations.map((operation) => routed(operation)),
        call,
      );
    beforeEach(async () => (opened = await open()));
    afterEach(() => opened.close());

    it("tells the storage node's kind", async () => {
      await expect(opened.client.probe(call)).resolves.toBe(kind);
    });

    it("names the engine, unless the storage node is a plain one", async () => {
      await expect(opened.client.engine(call)).resolves.toBe(kind === "full" ? "memory" : null);
    });

    it("answers each operation in order", async () => {
      await run(put("a", "1"), put("b", `{"x":[1.50,"ä"]}`));
      const outcomes = await run(get("b"), get("missing"), get("a"), remove("missing"), remove("a"));
      expect(outcomes).toMatchObject([
        { kind: "found", entry: { key: "b", value: `{"x":[1.50,"ä"]}` } },
        { kind: "notFound" },
        { kind: "found", entry: { key: "a", value: "1" } },
        { kind: "notFound" },
        { kind: "deleted" },
      ]);
      expect(await run(get("a"))).toEqual([{ kind: "notFound" }]);
    });

    it("tells a new entry from a replaced one", async () => {
      expect(await run(put("a", "1"))).toMatchObject([{ kind: "written", isNew: true }]);
      expect(await run(put("a", "2"))).toMatchObject([{ kind: "written", isNew: false }]);
    });

    it("keeps writes of one key in order", async () => {
      const writes = Array.from({ length: 50 }, (_, index) => put("a", String(index)));
      await run(...writes);
      expect(await run(get("a"))).toMatchObject([{ entry: { value: "49" } }]);
    });

    it("keeps keys apart that differ only in how they are encoded", async () => {
      const keys = ["a/b", "a%2Fb", "a b", "a+b", "ä", "a\u0308", "..a", "a?b#c", "😀", "'()*!"];
      await run(...keys.map((key, index) => put(key, String(index))));
      const outcomes = await run(...keys.map((key) => get(key)));
      expect(outcomes).toMatchObject(keys.map((key, index) => ({ entry: { key, value: String(index) } })));
    });

    it("takes values of full size", async () => {
      const value = JSON.stringify("x".repeat(1024 * 1024 - 2));
      await run(put("large", value));
      expect(await run(get("large"))).toMatchObject([{ entry: { value } }]);
    });

    it("takes an empty batch", async () => {
      expect(await run()).toEqual([]);
    });

    it("rejects a call that was given up before it began", async () => {
      const given = { ...call, signal: AbortSignal.abort() };
      await expect(opened.client.probe(given)).rejects.toMatchObject({ reason: "aborted" });
      await expect(opened.client.execute([routed(get("a"))], given)).rejects.toBeInstanceOf(NodeFault);
    });

    if (kind === "full") describeFullNode(() => opened.client, run);
    else describePlainNode(() => opened.client, run);
  });
}

function describeFullNode(client: () => NodeClient, run: (...operations: Operation[]) => Promise<readonly Outcome[]>) {
  it("gives every write the shard's next version, and its times", async () => {
    const [first, second] = await run(put("a", "1"), put("a", "2"));
    expect(first).toMatchObject({ facts: { version: "1", expiresAtMs: null } });
    expect(second).toMatchObject({ facts: { version: "2" } });
    expect((await run(get("a")))[0]).toMatchObject({ entry: { version: "2", createdAtMs: expect.any(Number) } });
  });

  it("checks conditions and tells the entry that stands against them", async () => {
    await run(put("a", "1"));
    const outcomes = await run(
      put("a", "2", { condition: { kind: "ifAbsent" } }),
      put("b", "2", { condition: { kind: "ifPresent" } }),
      remove("a", { condition: { kind: "ifVersion", version: "1" as never } }),
    );
    expect(outcomes).toMatchObject([
      { kind: "conflict", current: { value: "1" } },
      { kind: "conflict", current: null },
      { kind: "deleted", version: "1" },
    ]);
  });

  it("lists a shard in bytewise order, either way, page by page", async () => {
    const keys = ["p:1", "p:2", "p:3", "p:\uffff", "p:😀", "q"].map((key) => ({
      ...put(key, "1"),
      shard: scan(1).shard,
    }));
    await run(...keys);
    const page = async (rest: Parameters<typeof scan>[1]) => {
      const [outcome] = await run(scan(1, { prefix: "p:", ...rest }));
      if (outcome?.kind !== "page") throw new Error(`No page but ${JSON.stringify(outcome)}.`);
      return [outcome.entries.map(({ key }) => key), outcome.hasMore];
    };
    expect(await page({ limit: 2 })).toEqual([["p:1", "p:2"], true]);
    expect(await page({ after: "p:2" })).toEqual([["p:3", "p:\uffff", "p:😀"], false]);
    expect(await page({ before: "p:3", isReverse: true })).toEqual([["p:2", "p:1"], false]);
  });

  it("takes assignments, reports its shards, and is fenced by their epochs", async () => {
    await run(put("user123", "1"));
    const shards = [{ shardId: 2, epoch: 7 }];
    await client().assign({ clusterId: "c", shardCount: 4, mapVersion: 3, shards }, call);
    expect(await client().shards(call)).toEqual([{ shardId: 2, epoch: 7, keyCount: 1, sizeBytes: 8 }]);
    const outcomes = await client().execute([routed(get("user123"), 7), routed(get("user123"), 6)], call);
    expect(outcomes).toMatchObject([{ kind: "found" }, { kind: "refused", code: "STALE_EPOCH", epoch: 7 }]);
  });
}

function describePlainNode(client: () => NodeClient, run: (...operations: Operation[]) => Promise<readonly Outcome[]>) {
  it("knows no versions and no times", async () => {
    const facts = { version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };
    expect(await run(put("a", "1"))).toEqual([{ kind: "written", isNew: true, facts }]);
    expect(await run(get("a"))).toEqual([{ kind: "found", entry: { key: "a", value: "1", ...facts } }]);
    expect(await run(remove("a"))).toEqual([{ kind: "deleted", version: null }]);
  });

  it("refuses conditions, expiry and scans, and does the rest of the batch", async () => {
    const outcomes = await run(
      put("a", "1", { condition: { kind: "ifAbsent" } }),
      put("a", "1", { expiry: { kind: "ttl", seconds: 1 } }),
      remove("a", { condition: { kind: "ifPresent" } }),
      scan(0),
      put("b", "2"),
    );
    const notSupported = { kind: "refused", code: "NOT_SUPPORTED" };
    expect(outcomes).toMatchObject([notSupported, notSupported, notSupported, notSupported, { kind: "written" }]);
    expect(await run(get("a"))).toEqual([{ kind: "notFound" }]);
  });

  it("has no figures of shards, and passes assignments over", async () => {
    await client().assign({ clusterId: "c", shardCount: 4, mapVersion: 1, shards: [] }, call);
    expect(await client().shards(call)).toBeNull();
  });
}
