import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ShardNumber } from "../../../../src/core/shard.js";
import { encodeGlobalId } from "../../../../src/gateway/graphql/values/global-id.js";
import { GraphqlServer } from "../graphql-server.js";

let server: GraphqlServer;
beforeEach(async () => {
  server = await GraphqlServer.start();
});
afterEach(() => server.close());

describe("shards", () => {
  it("are unassigned in a cluster without storage nodes", async () => {
    const answer = await server.run(`{
      shards { number state primary { name } replicas { name } assignments { isPrimary } keyCount sizeBytes epoch lineage history { epoch } }
      active: shards(state: ACTIVE) { number }
      cluster { isHealthy }
    }`);
    expect(answer.data["shards"]).toEqual(
      [0, 1, 2, 3].map((number) => ({
        number,
        state: "UNASSIGNED",
        primary: null,
        replicas: [],
        assignments: [],
        keyCount: null,
        sizeBytes: null,
        epoch: 0,
        lineage: 0,
        history: [],
      })),
    );
    expect(answer.data["active"]).toEqual([]);
    expect(answer.data["cluster"]).toEqual({ isHealthy: false });
  });

  it("have their owner, figures and history", async () => {
    await server.addNode("node1");
    server.figures.set("node1", [{ shardId: 2, epoch: 1, keyCount: 7, sizeBytes: 9_000_000_000 }]);
    server.figureCalls.splice(0);
    const answer = await server.run(`{ shards {
      id number state keyCount sizeBytes epoch
      primary { name shards { number } }
      assignments { isPrimary shard { number } storageNode { name } }
      history(first: 1) { epoch storageNodeName isPrimary at cause }
    } }`);
    expect(answer.errors).toBeUndefined();
    const shards = answer.data["shards"] as unknown as Record<string, unknown>[];
    expect(shards[2]).toEqual({
      id: encodeGlobalId("Shard", 2),
      number: 2,
      state: "ACTIVE",
      keyCount: "7",
      sizeBytes: "9000000000",
      epoch: 1,
      primary: { name: "node1", shards: [0, 1, 2, 3].map((number) => ({ number })) },
      assignments: [{ isPrimary: true, shard: { number: 2 }, storageNode: { name: "node1" } }],
      history: [
        { epoch: 1, storageNodeName: "node1", isPrimary: true, at: "2026-01-31T12:00:00.000Z", cause: "AUTOMATIC" },
      ],
    });
    expect(shards[1]).toMatchObject({ keyCount: "0", sizeBytes: "0" });
    expect(server.figureCalls).toEqual(["node1"]);
  });

  it("have null figures when the primary does not answer", async () => {
    await server.addNode("node1");
    server.figures.set("node1", null);
    const answer = await server.run("{ shard(number: 0) { keyCount sizeBytes } }");
    expect(answer.data["shard"]).toEqual({ keyCount: null, sizeBytes: null });
  });

  it("become unavailable with their storage node", async () => {
    await server.addNode("node1");
    await server.clock.advance(11_000);
    const answer = await server.run(`{
      shards(state: UNAVAILABLE) { number } storageNode(name: "node1") { state } cluster { isHealthy }
    }`);
    expect(answer.data["shards"]).toHaveLength(4);
    expect(answer.data["storageNode"]).toEqual({ state: "DOWN" });
    expect(answer.data["cluster"]).toEqual({ isHealthy: false });
  });

  it("are found by number and by key, or are null", async () => {
    const answer = await server.run(`{
      shardForKey(key: "user123") { number } shard(number: 3) { number } none: shard(number: 4) { number }
      negative: shard(number: -1) { number } bad: shardForKey(key: "") { number }
      history: shard(number: 0) { history(first: -1) { epoch } }
    }`);
    expect(answer.data).toMatchObject({
      shardForKey: { number: 2 },
      shard: { number: 3 },
      none: null,
      negative: null,
      bad: null,
      history: { history: null },
    });
    expect(answer.errors.map(({ path, extensions }) => [path?.[0], extensions["code"]])).toEqual([
      ["bad", "INVALID_KEY"],
      ["history", "BAD_USER_INPUT"],
    ]);
  });
});

describe("lists within lists", () => {
  it("are refused when one request would return too many items", async () => {
    await server.addNode("node1");
    const levels = (count: number): string => (count === 0 ? "number" : `primary { shards { ${levels(count - 1)} } }`);
    // One storage node owns all four shards, so every level has four times the items of the previous one.
    expect((await server.run(`{ shards { ${levels(4)} } }`)).errors).toBeUndefined();
    const refused = await server.run(`{ shards { ${levels(9)} } cluster { shardCount } }`);
    expect(refused.data).toMatchObject({ cluster: { shardCount: 4 } });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "ANSWER_TOO_LARGE" });
    const aliases = Array.from({ length: 210 }, (_, index) => `f${index}: entries(keys: $keys) { __typename }`);
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const query = `query ($keys: [String!]!) { ${aliases.join(" ")} }`;
    const bounded = await GraphqlServer.start({
      bounds: { documentAliases: 210, rootFields: 210, listItems: 2_000 },
    });
    const batches = await bounded.run(query, { keys });
    await bounded.close();
    expect(batches.errors?.[0]).toMatchObject({ path: ["f50"], extensions: { code: "ANSWER_TOO_LARGE" } });
    // 110 fields failed.
    expect(batches.errors).toHaveLength(100);
  });
});

describe("the cluster and its storage nodes", () => {
  it("have their fields, with nodes in name order", async () => {
    await server.addNode("node2", "http://127.0.0.1:4002");
    await server.addNode("node1", "http://127.0.0.1:4001");
    const answer = await server.run(`{
      cluster { id name mapVersion shardCount isHealthy shards { number } storageNodes { name } }
      storageNodes { id name url state lastSeenAt latencyMs }
      storageNode(name: "none") { name }
    }`);
    expect(answer.data["cluster"]).toEqual({
      id: encodeGlobalId("Cluster", "cluster-1"),
      name: "test",
      mapVersion: server.membership.map.version,
      shardCount: 4,
      isHealthy: true,
      shards: [0, 1, 2, 3].map((number) => ({ number })),
      storageNodes: [{ name: "node1" }, { name: "node2" }],
    });
    expect((answer.data["storageNodes"] as unknown as unknown[])[0]).toEqual({
      id: encodeGlobalId("StorageNode", "node1"),
      name: "node1",
      url: "http://127.0.0.1:4001",
      state: "UP",
      lastSeenAt: "2026-01-31T12:00:00.000Z",
      latencyMs: 1.5,
    });
    expect(answer.data["storageNode"]).toBeNull();
  });

  it("tell which gateways there are, the leader first, with the time of its last contact", async () => {
    const { map, peers } = server.membership;
    const beat = { url: "http://g2:4000", mapVersion: 1, leaderId: map.leader?.id ?? null, seen: [], refused: [] };
    await peers.beatFrom("g2", beat);
    await server.clock.advance(1_500);
    const answer = await server.run("{ cluster { gateways { name url isLeader mapVersion lastSeenAt } } }");
    const lastSeenAt = (ms: number) => new Date(server.clock.nowMs() - ms).toISOString();
    expect(answer.data["cluster"]).toEqual({
      gateways: [
        { name: null, url: null, isLeader: true, mapVersion: map.version, lastSeenAt: lastSeenAt(0) },
        { name: "g2", url: "http://g2:4000", isLeader: false, mapVersion: 1, lastSeenAt: lastSeenAt(1_500) },
      ],
    });
  });

  it("are changed by mutations", async () => {
    await server.addNode("node1", "http://127.0.0.1:4001");
    const registered = await server.run(`mutation {
      registerStorageNode(input: {name: "node2", url: "http://127.0.0.1:4002/"}) { storageNode { name url shards { number } } }
    }`);
    expect(registered.data["registerStorageNode"]).toEqual({
      storageNode: { name: "node2", url: "http://127.0.0.1:4002", shards: [] },
    });
    const assigned = await server.run(`mutation {
      assignShard(input: {shard: 1, storageNode: "node2", ifEpoch: 1, force: true}) {
        shard { number epoch primary { name } history { cause storageNodeName } }
      }
    }`);
    expect(assigned.data["assignShard"]).toEqual({
      shard: {
        number: 1,
        epoch: 2,
        primary: { name: "node2" },
        history: [
          { cause: "OPERATOR", storageNodeName: "node2" },
          { cause: "AUTOMATIC", storageNodeName: "node1" },
        ],
      },
    });
    const removed = await server.run(`mutation {
      removeStorageNode(input: {name: "node2", force: true}) { removedId unassignedShards { number } }
    }`);
    expect(removed.data["removeStorageNode"]).toEqual({
      removedId: encodeGlobalId("StorageNode", "node2"),
      unassignedShards: [{ number: 1 }],
    });
  });

  it("report what is wrong with a storage node, until the loss of its data is accepted", async () => {
    await server.addNode("node1", "http://127.0.0.1:4001");
    const node = "name problem { code message advice shards storeId } staleShards";
    const query = `{ storageNode(name: "node1") { ${node} } cluster { isHealthy } shard(number: 0) { state lineage } }`;
    expect((await server.run(query)).data).toEqual({
      storageNode: { name: "node1", problem: null, staleShards: [] },
      cluster: { isHealthy: true },
      shard: { state: "ACTIVE", lineage: 0 },
    });
    const empty = { id: "node1", url: "http://127.0.0.1:4001", incarnation: "2", storeId: "new", starts: ["2"] };
    await expect(server.membership.register(empty)).rejects.toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    expect((await server.run(query)).data).toEqual({
      storageNode: {
        name: "node1",
        problem: {
          code: "STORE_NOT_RECOGNIZED",
          message: expect.stringContaining("node1"),
          advice: expect.stringContaining("accept-loss node1"),
          shards: [0, 1, 2, 3],
          storeId: "new",
        },
        staleShards: [],
      },
      cluster: { isHealthy: false },
      shard: { state: "UNAVAILABLE", lineage: 0 },
    });
    const accept = `mutation { acceptStorageNodeLoss(input: {name: "node1"}) { storageNode { name } } }`;
    expect((await server.run(accept)).data).toEqual({ acceptStorageNodeLoss: { storageNode: { name: "node1" } } });
    await server.membership.register(empty);
    expect((await server.run(query)).data).toMatchObject({
      storageNode: { problem: null },
      shard: { state: "ACTIVE", lineage: 1 },
    });
  });

  it("drain a storage node, and say whether it is drained and shares its store", async () => {
    await server.addNode("node1", "http://127.0.0.1:4001");
    const asked: unknown[] = [];
    Object.assign(server.membership, { drain: async (...command: unknown[]) => void asked.push(command) });
    const node = { name: "node1", isDraining: false, isStoreShared: false };
    const answer = await server.run(`mutation {
      drain: drainStorageNode(input: { name: "node1" }) { storageNode { name isDraining isStoreShared } }
      undo: drainStorageNode(input: { name: "node1", undo: true }) { storageNode { name } }
    }`);
    expect(answer.data).toEqual({ drain: { storageNode: node }, undo: { storageNode: { name: "node1" } } });
    expect(asked).toEqual([
      ["node1", false],
      ["node1", true],
    ]);
  });

  it("list the shards of a former owner whose entries clients do not see", async () => {
    await server.addNode("node1", "http://127.0.0.1:4001");
    await server.addNode("node2", "http://127.0.0.1:4002");
    const shard = 1 as ShardNumber;
    await server.membership.assign({ shard, node: "node2", isPrimary: true, ifEpoch: null, isForced: true });
    const shards = [{ shardId: 1, epoch: 1, keyCount: 3, sizeBytes: 30 }];
    const identity = { incarnation: "2", storeId: "store-node1", starts: ["2", "node1-1"] };
    await server.membership.register({ id: "node1", url: "http://127.0.0.1:4001", ...identity, shards });
    const answer = await server.run('{ storageNode(name: "node1") { staleShards } shard(number: 1) { lineage } }');
    expect(answer.data).toEqual({ storageNode: { staleShards: [1] }, shard: { lineage: 1 } });
  });

  it("refuse changes with stable codes", async () => {
    await server.addNode("node1");
    const answer = await server.run(`mutation {
      a: assignShard(input: {shard: 4, storageNode: "node1"}) { shard { number } }
      b: assignShard(input: {shard: 0, storageNode: "none"}) { shard { number } }
      c: assignShard(input: {shard: 0, storageNode: "node1", isPrimary: false}) { shard { number } }
      f: acceptStorageNodeLoss(input: {name: "node1"}) { storageNode { name } }
      d: removeStorageNode(input: {name: "none"}) { removedId }
      e: registerStorageNode(input: {name: "-", url: "http://127.0.0.1:1"}) { storageNode { name } }
    }`);
    expect(answer.errors.map(({ path, extensions }) => [path?.[0], extensions["code"]])).toEqual([
      ["a", "SHARD_NOT_FOUND"],
      ["b", "NODE_NOT_FOUND"],
      ["c", "NOT_SUPPORTED"],
      ["f", "BAD_REQUEST"],
      ["d", "NODE_NOT_FOUND"],
      ["e", "BAD_REQUEST"],
    ]);
  });
});
