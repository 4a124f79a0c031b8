import { describe, expect, it } from "vitest";
import { urlCharactersMax } from "../../src/core/limits.js";
import { parseAssignments } from "../../src/wire/received-assignments.js";
import { assignments } from "../storage-node/operations.js";

const good = assignments(7, { 0: 1, 3: 12 });

describe("parseAssignments", () => {
  it("takes assignments, and leaves out what it does not know", () => {
    expect(parseAssignments({ ...good, more: 1 })).toEqual(good);
  });

  it("takes lineages and seals", () => {
    const shards = [{ shardId: 1, epoch: 2, lineage: 3, sealedFor: "move1" }];
    expect(parseAssignments({ ...good, shards })).toEqual({ ...good, shards });
    const unsealed = [{ shardId: 1, epoch: 2, sealedFor: null }];
    expect(parseAssignments({ ...good, shards: unsealed })).toEqual({ ...good, shards: [{ shardId: 1, epoch: 2 }] });
  });

  it("takes an answer without shards", () => {
    const { shards: _shards, ...same } = good;
    expect(parseAssignments(same)).toEqual(same);
  });

  it("takes the URL of the leader, as it is compared with others", () => {
    expect(parseAssignments({ ...good, leader: "HTTPS://Gateway1:4000/base/" })).toEqual({
      ...good,
      leader: "https://gateway1:4000/base",
    });
    expect(parseAssignments({ ...good, leader: null })).toEqual(good);
  });

  it.each([
    [null, "must be an object"],
    ["text", "must be an object"],
    [{ ...good, clusterId: "" }, "clusterId"],
    [{ ...good, clusterId: 1 }, "clusterId"],
    [{ ...good, shardCount: 0 }, "shardCount"],
    [{ ...good, shardCount: 20_000 }, "shardCount"],
    [{ ...good, mapVersion: 1.5 }, "mapVersion"],
    [{ ...good, mapVersion: "1" }, "mapVersion"],
    [{ ...good, leader: 1 }, "leader"],
    [{ ...good, leader: "gateway1:4000" }, "leader"],
    [{ ...good, leader: "not a URL" }, "leader"],
    [{ ...good, leader: `http://gateway1/${"x".repeat(urlCharactersMax)}` }, "leader"],
    [{ ...good, leader: "http://user:pass@gateway1" }, "leader"],
    [{ ...good, leader: "http://gateway1/?a=b" }, "leader"],
    [{ ...good, shards: {} }, "shards"],
    [{ ...good, shards: [null] }, "An assigned shard must be an object"],
    [{ ...good, shards: [{ shardId: 4, epoch: 1 }] }, "shardId"],
    [{ ...good, shards: [{ shardId: 1, epoch: 0 }] }, "epoch"],
    [{ ...good, shards: [{ shardId: 1, epoch: 1, lineage: -1 }] }, "lineage"],
    [{ ...good, shards: [{ shardId: 1, epoch: 1, sealedFor: "" }] }, "sealedFor"],
    [{ ...good, shards: [{ shardId: 1, epoch: 1, sealedFor: 7 }] }, "sealedFor"],
  ])("refuses %j", (body, reason) => {
    expect(() => parseAssignments(body)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining(reason) }),
    );
  });
});
