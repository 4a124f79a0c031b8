import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/cluster-map-text.js";
import { applyCommand } from "../../src/registry/commands.js";
import { fullHistoryMap, mapWith } from "./map-samples.js";

const map = applyCommand(
  mapWith(["a", "b"], 2),
  { kind: "assign", shard: 0, node: "a", ifEpoch: null, isForced: false, ownerHoldsData: false, cause: "operator" },
  -5,
);

describe("the cluster map as text", () => {
  it("comes back as it was, new, in use and full", () => {
    for (const sample of [mapWith([]), map, fullHistoryMap(100)]) {
      expect(clusterMapFromText(clusterMapToText(sample))).toEqual(sample);
    }
  });

  it("is stable: the same map gives the same text, and the format does not change unnoticed", () => {
    expect(clusterMapToText(map)).toBe(
      '{"format":1,"version":4,"clusterId":"c-1","clusterName":"test","shardCount":2,"hash":"fnv1a-32",' +
        '"nodes":[{"name":"a","url":"http://a:4001","registeredAtMs":1000},' +
        '{"name":"b","url":"http://b:4001","registeredAtMs":1000}],' +
        '"shards":[{"epoch":1,"primary":"a","history":[{"epoch":1,"node":"a","atMs":-5,"cause":"operator"}]},' +
        '{"epoch":0,"primary":null,"history":[]}]}\n',
    );
  });

  it("is read whatever its hash, and with names it does not know", () => {
    const text = clusterMapToText(map).replace("fnv1a-32", "xx64").replace("{", '{"later":{"x":1},');
    expect(clusterMapFromText(text)).toEqual({ ...map, hash: "xx64" });
  });

  it.each<[string, string, string | RegExp]>([
    ['"format":1', '"format":2', "its format is 2 and this shardgate reads 1. Start the version"],
    ['"format":1,', "", "its format is undefined"],
    ['{"format"', '["format"', "it is not JSON"],
    ['"version":4', '"version":0', "`version` is 0"],
    ['"version":4', '"version":"4"', '`version` is "4"'],
    ['"version":4', '"version":1.5', "`version` is 1.5"],
    ['"version":4', '"version":9007199254740993', "`version` is"],
    ['"clusterId":"c-1"', '"clusterId":""', "`clusterId` is not a text"],
    ['"clusterName":"test"', '"clusterName":7', "`clusterName` is not a text"],
    ['"hash":"fnv1a-32",', "", "`hash` is not a text"],
    ['"shardCount":2', '"shardCount":3', "it lists 2 shards of 3"],
    ['"shardCount":2', '"shardCount":5000', "`shardCount` is 5000"],
    ['"shardCount":2', '"shardCount":0', "`shardCount` is 0"],
    ['"name":"b"', '"name":"a"', "it lists a storage node twice"],
    ['"name":"a"', '"name":"z"', 'shard 0 belongs to the unknown storage node "a"'],
    ['"url":"http://a:4001"', '"url":null', "`url` is not a text"],
    ['"registeredAtMs":1000', '"registeredAtMs":null', "`registeredAtMs` is null"],
    ['"nodes":[', '"nodes":[7,', "a storage node is not an object"],
    ['"nodes":', '"knots":', "`nodes` is not an array"],
    ['"shards":', '"shads":', "`shards` is not an array"],
    ['{"epoch":0,"primary":null,"history":[]}', "null", "shard 1 is not an object"],
    ['"epoch":1,"primary"', '"epoch":2,"primary"', "the history of shard 0 contradicts"],
    ['"primary":"a"', '"primary":"b"', "the history of shard 0 contradicts"],
    ['"primary":"a"', '"primary":null', "the history of shard 0 contradicts"],
    ['"epoch":0', '"epoch":1', "the history of shard 1 contradicts"],
    ['"epoch":0', '"epoch":-1', "`epoch` is -1"],
    ['"epoch":0', '"epoch":2147483648', "`epoch` is 2147483648"],
    ['"primary":"a"', '"primary":7', "`primary` is not a text"],
    ['"history":[]', '"history":{}', "`history` is not an array"],
    ['"history":[{', '"history":[[],{', "a change is not an object"],
    ['"cause":"operator"}', '"cause":"operator"},{"epoch":1,"node":null,"atMs":1,"cause":"operator"}', "contradicts"],
    ['"cause":"operator"', '"cause":"magic"', '`cause` is "magic"'],
    ['"atMs":-5', '"atMs":"now"', '`atMs` is "now"'],
  ])("is refused with %s turned into %s", (part, replacement, problem) => {
    const text = clusterMapToText(map);
    expect(text).toContain(part);
    expect(() => clusterMapFromText(text.replace(part, replacement))).toThrow(problem);
    const error = caught(() => clusterMapFromText(text.replace(part, replacement)));
    expect(error).toMatchObject({
      code: "REGISTRY_CORRUPT",
      message: expect.stringMatching(/^The stored cluster map/),
    });
    expect(error.message).toMatch(/move it away to start anew\.$|restore a copy\.$/);
  });

  it.each(["", "null", "7", "[]", "{", "{}"])("is refused when it is %j", (text) => {
    expect(caught(() => clusterMapFromText(text)).code).toBe("REGISTRY_CORRUPT");
  });

  it("is refused when it was cut off anywhere", () => {
    const text = clusterMapToText(map).trimEnd();
    for (let length = 0; length < text.length; length++) {
      expect(caught(() => clusterMapFromText(text.slice(0, length))).code).toBe("REGISTRY_CORRUPT");
    }
  });
});

function caught(run: () => unknown): ShardgateError {
  try {
    run();
  } catch (error) {
    if (error instanceof ShardgateError) return error;
    throw error;
  }
  throw new Error("Nothing was refused.");
}
