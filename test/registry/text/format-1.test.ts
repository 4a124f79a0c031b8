import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readClusterMap } from "../../../src/registry/text/cluster-map-text.js";
import { decodeFile } from "../../../src/registry/stores/file/file-document.js";
import { refusal } from "../map-samples.js";

const fixture = path.resolve(import.meta.dirname, "../fixtures/registry-0.1.0.json");
const { version, text } = decodeFile(readFileSync(fixture), fixture);

const sample =
  '{"format":1,"version":4,"clusterId":"c-1","clusterName":"test","shardCount":2,"hash":"fnv1a-32",' +
  '"nodes":[{"name":"a","url":"http://a:4001","registeredAtMs":1000},' +
  '{"name":"b","url":"http://b:4001","registeredAtMs":1000}],' +
  '"shards":[{"epoch":1,"primary":"a","history":[{"epoch":1,"node":"a","atMs":-5,"cause":"operator"}]},' +
  '{"epoch":0,"primary":null,"history":[]}]}\n';

describe("a registry of 0.1.0", () => {
  it("is read: stores are not known yet, lineages begin, and the history is handed out for the log", () => {
    const { map, changes } = readClusterMap(text);
    expect(version).toBe(map.version);
    const store = { storeId: null, lastStart: null, isLossAccepted: false, isStoreShared: false, isDraining: false };
    expect([...map.nodes.values()]).toEqual([
      { name: "a", url: "http://127.0.0.1:33677", registeredAtMs: 1_795_974_453_824, ...store },
    ]);
    const record = { epoch: 1, primary: "a", lineage: 0, move: null };
    expect(map).toEqual({
      version: 3,
      clusterId: "18fa9ad8-7bd9-449b-b1d0-08038d23ba0b",
      clusterName: "shardgate",
      shardCount: 4,
      hash: "fnv1a-32",
      leader: null,
      nodes: map.nodes,
      shards: [0, 1, 2, 3].map((shard) => ({ shard, ...record })),
      isRecovered: false,
      putBack: null,
    });
    const change = { epoch: 1, node: "a", atMs: 1_795_974_453_838, cause: "automatic" };
    expect(changes).toEqual([0, 1, 2, 3].map((shard) => ({ shard, ...change })));
  });

  it.each<[string, string, string]>([
    ['"version":4', '"version":0', "`version` is 0"],
    ['"clusterId":"c-1"', '"clusterId":""', "`clusterId` is not a text"],
    ['"shardCount":2', '"shardCount":3', "it lists 2 shards of 3"],
    ['"name":"b"', '"name":"a"', "it lists a storage node twice"],
    ['"name":"a"', '"name":"z"', 'shard 0 belongs to the unknown storage node "a"'],
    ['"url":"http://a:4001"', '"url":null', "`url` is not a text"],
    ['"nodes":[', '"nodes":[7,', "a storage node is not an object"],
    ['"shards":', '"shads":', "`shards` is not an array"],
    ['{"epoch":0,"primary":null,"history":[]}', "null", "shard 1 is not an object"],
    ['"epoch":1,"primary"', '"epoch":2,"primary"', "the history of shard 0 contradicts"],
    ['"primary":"a"', '"primary":"b"', "the history of shard 0 contradicts"],
    ['"primary":"a"', '"primary":null', "the history of shard 0 contradicts"],
    ['"epoch":0', '"epoch":1', "the history of shard 1 contradicts"],
    ['"epoch":0', '"epoch":-1', "`epoch` is -1"],
    ['"history":[]', '"history":{}', "`history` is not an array"],
    ['"history":[{', '"history":[[],{', "a change is not an object"],
    ['"cause":"operator"}', '"cause":"operator"},{"epoch":1,"node":null,"atMs":1,"cause":"operator"}', "contradicts"],
    ['"cause":"operator"', '"cause":"magic"', '`cause` is "magic"'],
    ['"atMs":-5', '"atMs":"now"', '`atMs` is "now"'],
  ])("is refused with %s turned into %s", (part, replacement, problem) => {
    expect(sample).toContain(part);
    const error = refusal(() => readClusterMap(sample.replace(part, replacement)));
    expect(error.code).toBe("REGISTRY_CORRUPT");
    expect(error.message).toContain(problem);
  });
});
