/** The common contract of every NodeClient. `open` returns a client of a new, empty storage node. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome, Operation } from "../../src/core/operation.js";
import { NodeFault, type NodeClient, type NodeKind } from "../../src/routing/node-client/node-client.js";
import type { AssignedShard } from "../../src/wire/membership.js";
import { get, put, remove, routed, scan } from "../support/operations.js";

export interface OpenedClient {
  readonly client: NodeClient;
  /** From now on the client belongs to a gateway of this cluster. */
  setCluster(clusterId: string): void;
  /** From now on the storage node has this name. The client expects one that is called node1. */
  rename(name: string): void;
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

    it("reports the storage node's kind", async () => {
      await expect(opened.client.probe(call)).resolves.toMatchObject({ kind, clusterId: null, isAcknowledged: true });
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

    it("distinguishes a new entry from a replaced one", async () => {
      expect(await run(put("a", "1"))).toMatchObject([{ kind: "written", isNew: true }]);
      expect(await run(put("a", "2"))).toMatchObject([{ kind: "written", isNew: false }]);
    });

    it("keeps writes of one key in order", async () => {
      const writes = Array.from({ length: 50 }, (_, index) => put("a", String(index)));
      await run(...writes);
      expect(await run(get("a"))).toMatchObject([{ entry: { value: "49" } }]);
    });

    it("distinguishes keys that differ only in how they are encoded", async () => {
      const keys = ["a/b", "a%2Fb", "a b", "a+b", "ä", "a\u0308", "..a", "a?b#c", "😀", "'()*!"];
      await run(...keys.map((key, index) => put(key, String(index))));
      const outcomes = await run(...keys.map((key) => get(key)));
      expect(outcomes).toMatchObject(keys.map((key, index) => ({ entry: { key, value: String(index) } })));
    });

    it("accepts values of maximum length", async () => {
      const value = JSON.stringify("x".repeat(1024 * 1024 - 2));
      await run(put("large", value));
      expect(await run(get("large"))).toMatchObject([{ entry: { value } }]);
    });

    it("accepts an empty batch", async () => {
      expect(await run()).toEqual([]);
    });

    it("rejects a call that was aborted before it began", async () => {
      const given = { ...call, signal: AbortSignal.abort() };
      await expect(opened.client.probe(given)).rejects.toMatchObject({ reason: "aborted" });
      await expect(opened.client.execute([routed(get("a"))], given)).rejects.toBeInstanceOf(NodeFault);
    });

    if (kind === "full") describeFullNode(() => opened, run);
    else describePlainNode(() => opened.client, run);
  });
}

function describeFullNode(
  opened: () => OpenedClient,
  run: (...operations: Operation[]) => Promise<readonly Outcome[]>,
): void {
  const client = (): NodeClient => opened().client;
  const assign = (mapVersion: number, shards: readonly AssignedShard[]): Promise<void> =>
    client().assign({ clusterId: "c", shardCount: 4, mapVersion, shards }, call);

  describeRenamedNode(opened, () => assign(3, [{ shardId: 2, epoch: 7 }]));

  it("gives every write the shard's next version, and its times", async () => {
    const [first, second] = await run(put("a", "1"), put("a", "2"));
    expect(first).toMatchObject({ facts: { version: "1", expiresAtMs: null } });
    expect(second).toMatchObject({ facts: { version: "2" } });
    expect((await run(get("a")))[0]).toMatchObject({ entry: { version: "2", createdAtMs: expect.any(Number) } });
  });

  it("checks conditions and returns the entry that conflicts with them", async () => {
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

  it("lists a shard in bytewise order, in both directions, page by page", async () => {
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

  it("accepts assignments, reports its shards, and refuses operations of other epochs", async () => {
    await run(put("user123", "1"));
    await assign(3, [{ shardId: 2, epoch: 7, lineage: 1 }]);
    expect(await client().shards(call)).toMatchObject([
      { shardId: 2, epoch: 7, keyCount: 1, sizeBytes: 8, lineage: 1 },
    ]);
    const outcomes = await client().execute(
      [7, 6, 8].map((epoch) => routed(get("user123"), epoch)),
      call,
    );
    expect(outcomes).toMatchObject([
      { kind: "found" },
      { kind: "refused", code: "STALE_EPOCH", epoch: 7 },
      { kind: "refused", code: "SHARD_NOT_HOSTED" },
    ]);
    expect(await client().probe(call)).toMatchObject({ kind: "full", clusterId: "c" });
  });

  it("seals a shard as long as its assignment names a move", async () => {
    await assign(3, [{ shardId: 2, epoch: 7, lineage: 0 }]);
    await client().execute([routed(put("user123", "1"), 7)], call);
    await assign(4, [{ shardId: 2, epoch: 7, lineage: 0, sealedFor: "move-1" }]);
    expect(await client().shards(call)).toMatchObject([{ epoch: 7, keyCount: 1, sealedFor: "move-1" }]);
    const sealed = await client().execute([routed(get("user123"), 7), routed(put("user123", "2"), 7)], call);
    expect(sealed).toMatchObject([{ code: "SHARD_UNAVAILABLE" }, { code: "SHARD_UNAVAILABLE" }]);
    await assign(5, [{ shardId: 2, epoch: 7, lineage: 0 }]);
    expect(await client().execute([routed(get("user123"), 7)], call)).toMatchObject([{ entry: { value: "1" } }]);
  });

  it("releases a shard that is no longer assigned to it, and keeps its entries", async () => {
    await assign(3, [{ shardId: 2, epoch: 7, lineage: 0 }]);
    await client().execute([routed(put("user123", "1"), 7)], call);
    await assign(4, []);
    expect(await client().execute([routed(get("user123"), 7)], call)).toMatchObject([{ code: "SHARD_NOT_HOSTED" }]);
    expect(await client().shards(call)).toMatchObject([{ shardId: 2, epoch: 7, releasedEpoch: 7, keyCount: 1 }]);
  });

  it("refuses a batch from the gateway of another cluster as a whole", async () => {
    await assign(3, [{ shardId: 2, epoch: 7, lineage: 0 }]);
    opened().setCluster("other");
    const outcomes = await client().execute([routed(put("user123", "1"), 7), routed(get("user123"), 7)], call);
    expect(outcomes).toMatchObject([
      { kind: "refused", code: "CLUSTER_MISMATCH" },
      { kind: "refused", code: "CLUSTER_MISMATCH" },
    ]);
    opened().setCluster("c");
    expect(await client().execute([routed(get("user123"), 7)], call)).toEqual([{ kind: "notFound" }]);
  });
}

function describeRenamedNode(opened: () => OpenedClient, assign: () => Promise<void>): void {
  it("reports the storage node's name", async () => {
    expect(await opened().client.probe(call)).toMatchObject({ name: null });
    opened().rename("node1");
    expect(await opened().client.probe(call)).toMatchObject({ name: "node1" });
  });

  it("gets nothing but its name from another storage node at the address", async () => {
    const { client, rename } = opened();
    rename("node2");
    const message = "This storage node is node2, not node1.";
    const refusal = { kind: "refused", code: "NODE_CONFLICT", message };
    expect(await client.execute([routed(put("a", "1")), routed(get("a"))], call)).toEqual([refusal, refusal]);
    await expect(client.shards(call)).rejects.toThrow("NODE_CONFLICT (This storage node is node2, not node1");
    await expect(assign()).rejects.toMatchObject({ reason: "serverError", isUnsent: true });
    expect(await client.probe(call)).toMatchObject({ kind: "full", name: "node2" });
    rename("node1");
    expect(await client.execute([routed(get("a"))], call)).toEqual([{ kind: "notFound" }]);
    expect(await client.shards(call)).not.toContainEqual(expect.objectContaining({ epoch: 7 }));
  });
}

function describePlainNode(client: () => NodeClient, run: (...operations: Operation[]) => Promise<readonly Outcome[]>) {
  it("returns no versions and no times", async () => {
    const facts = { version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };
    expect(await run(put("a", "1"))).toEqual([{ kind: "written", isNew: true, facts }]);
    expect(await run(get("a"))).toEqual([{ kind: "found", entry: { key: "a", value: "1", ...facts } }]);
    expect(await run(remove("a"))).toEqual([{ kind: "deleted", version: null }]);
  });

  it("refuses conditions, expiry and scans, and executes the rest of the batch", async () => {
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

  it("has no figures of shards, and ignores assignments", async () => {
    await client().assign({ clusterId: "c", shardCount: 4, mapVersion: 1, shards: [] }, call);
    expect(await client().shards(call)).toBeNull();
  });
}
