import { describe, expect, it } from "vitest";
import { storageNodesMax } from "../../../../src/core/limits.js";
import {
  parseGatewayBeat,
  parseHistories,
  parseLeaderAnswer,
  parseShardList,
  parseShardRecord,
} from "../../../../src/gateway/cluster/peers/received-answers.js";

const problem = { code: "NODE_CONFLICT", message: "m", advice: "a", shards: [1], storeId: null };
const gateway = { name: "g1:4000", url: "http://g1:4000", isLeader: true, mapVersion: 3, silentMs: 0 };
const answer = {
  leaderId: "l1",
  mapVersion: 3,
  gateways: [gateway, { ...gateway, name: null, url: null, isLeader: false }],
  signs: [["node1", 20]],
  reports: [
    ["node1", { problem, staleShards: [2] }],
    ["node2", { problem: null, staleShards: [] }],
  ],
  doubted: ["node1"],
};
const record = { shard: 3, epoch: 2, primary: "node1", lineage: 0, move: null };
const move = { id: "m1", target: "node2", phase: "sealed" };
const change = { shard: 3, epoch: 2, node: null, atMs: 5, cause: "operator" };

describe("what a leader answers", () => {
  it("is taken as it is, without what this version does not know", () => {
    expect(parseLeaderAnswer({ ...answer, more: 1 })).toEqual(answer);
    expect(parseShardRecord({ ...record, more: 1 })).toEqual(record);
    expect(parseShardRecord({ ...record, primary: null, move })).toEqual({ ...record, primary: null, move });
    expect(parseShardList({ shards: [0, 16_383] })).toEqual([0, 16_383]);
    expect(parseHistories({ histories: [[], [change]] })).toEqual([[], [change]]);
  });

  it("may have a problem whose code only a newer gateway knows", () => {
    const reports = [["node1", { problem: { ...problem, code: "NEWER_CODE" }, staleShards: [] }]];
    expect(parseLeaderAnswer({ ...answer, reports }).reports[0]?.[1].problem).toEqual({
      ...problem,
      code: "SHARD_UNAVAILABLE",
    });
  });

  it.each([
    ["nothing", undefined],
    ["a text", "text"],
    ["no leader", { ...answer, leaderId: "" }],
    ["no version", { ...answer, mapVersion: "3" }],
    ["a version beyond what is exact", { ...answer, mapVersion: 2 ** 53 }],
    ["gateways that are none", { ...answer, gateways: {} }],
    ["a gateway that is none", { ...answer, gateways: [null] }],
    ["a gateway without a role", { ...answer, gateways: [{ ...gateway, isLeader: "yes" }] }],
    ["a gateway with a script for a URL", { ...answer, gateways: [{ ...gateway, url: "javascript:alert(1)" }] }],
    ["a gateway with markup for a name", { ...answer, gateways: [{ ...gateway, name: "<b>" }] }],
    ["a gateway of the future", { ...answer, gateways: [{ ...gateway, silentMs: -1 }] }],
    ["a sign without a time", { ...answer, signs: [["node1"]] }],
    ["a sign with a time that is none", { ...answer, signs: [["node1", 0.5]] }],
    ["a sign from before all dates", { ...answer, signs: [["node1", Number.MAX_SAFE_INTEGER]] }],
    ["a gateway silent since before all dates", { ...answer, gateways: [{ ...gateway, silentMs: 8.64e15 }] }],
    ["a version that GraphQL has no number for", { ...answer, mapVersion: 2 ** 31 }],
    ["a sign with no name", { ...answer, signs: [[7, 1]] }],
    ["a sign with a long name", { ...answer, signs: [["n".repeat(64), 1]] }],
    ["a report that is none", { ...answer, reports: [["node1", null]] }],
    ["a report with shards that are none", { ...answer, reports: [["node1", { problem: null, staleShards: [-1] }]] }],
    ["a report with a shard too many", { ...answer, reports: [["node1", { problem: null, staleShards: [16_384] }]] }],
    [
      "a problem without a message",
      { ...answer, reports: [["n", { problem: { ...problem, message: 1 }, staleShards: [] }]] },
    ],
    ["a doubt that is none", { ...answer, doubted: [1] }],
  ])("is refused with %s", (_what, body) => {
    expect(() => parseLeaderAnswer(body)).toThrow(expect.objectContaining({ name: "ShardgateError" }));
  });

  it.each([
    ["no shard", { ...record, shard: undefined }],
    ["an epoch too high", { ...record, epoch: 2 ** 21 }],
    ["an owner that is none", { ...record, primary: 1 }],
    ["a move that is none", { ...record, move: {} }],
    ["a move without a target", { ...record, move: { ...move, target: null } }],
    ["a move of another kind", { ...record, move: { ...move, phase: "copying" } }],
  ])("is no shard with %s", (_what, body) => {
    expect(() => parseShardRecord(body)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });

  it("is no list of shards or histories when it is none", () => {
    for (const body of [[], {}, { shards: 1 }, { shards: ["x"] }, null]) expect(() => parseShardList(body)).toThrow();
    for (const histories of [null, [null], [[null]], [[{ ...change, cause: "whim" }]], [[{ ...change, atMs: -1 }]]]) {
      expect(() => parseHistories({ histories })).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
    }
  });
});

describe("a beat", () => {
  const beat = { url: "http://g2:4000", mapVersion: 3, leaderId: "l1", seen: [["node1", null]], refused: ["node2"] };

  it("is taken as it is, without what this version does not know", () => {
    expect(parseGatewayBeat({ ...beat, more: 1 })).toEqual(beat);
    const most = { ...beat, url: null, leaderId: null, mapVersion: 2 ** 31 - 1, seen: [["node1", 3e12]] };
    expect(parseGatewayBeat(most)).toEqual(most);
  });

  it.each([
    ["nothing", null],
    ["a version that GraphQL has no number for", { ...beat, mapVersion: 2 ** 31 }],
    ["a storage node seen before all dates", { ...beat, seen: [["node1", 8.64e15]] }],
    ["a storage node seen in the future", { ...beat, seen: [["node1", -1]] }],
    ["a row that is none", { ...beat, seen: [["node1", null, null]] }],
    ["too many rows", { ...beat, seen: Array.from({ length: storageNodesMax + 1 }, () => ["node1", null]) }],
    ["too many refusals", { ...beat, refused: Array.from({ length: storageNodesMax + 1 }, () => "node1") }],
    ["a URL that is none of a gateway", { ...beat, url: "file:///etc/passwd" }],
    ["a leader that is none", { ...beat, leaderId: "" }],
  ])("is refused with %s", (_what, body) => {
    expect(() => parseGatewayBeat(body)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });
});
