import { describe, expect, it } from "vitest";
import { parseAssignments } from "../../src/storage-node/node-assignments.js";
import { assignments } from "./operations.js";

const good = assignments(7, { 0: 1, 3: 12 });

describe("parseAssignments", () => {
  it("takes assignments, and leaves out what it does not know", () => {
    expect(parseAssignments({ ...good, more: 1 })).toEqual(good);
  });

  it("takes an answer without shards", () => {
    const { shards: _shards, ...same } = good;
    expect(parseAssignments(same)).toEqual(same);
  });

  it.each([
    [null, "must be an object"],
    ["text", "must be an object"],
    [{ ...good, clusterId: "" }, "clusterId"],
    [{ ...good, clusterId: 1 }, "clusterId"],
    [{ ...good, shardCount: 0 }, "shardCount"],
    [{ ...good, shardCount: 5000 }, "shardCount"],
    [{ ...good, mapVersion: 1.5 }, "mapVersion"],
    [{ ...good, mapVersion: "1" }, "mapVersion"],
    [{ ...good, shards: {} }, "shards"],
    [{ ...good, shards: [null] }, "An assigned shard must be an object"],
    [{ ...good, shards: [{ shardId: 4, epoch: 1 }] }, "shardId"],
    [{ ...good, shards: [{ shardId: 1, epoch: -1 }] }, "epoch"],
  ])("refuses %j", (body, reason) => {
    expect(() => parseAssignments(body)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining(reason) }),
    );
  });
});
