import { describe, expect, it } from "vitest";
import { recordOfChanges } from "../../../src/registry/assignment-log.js";
import { clusterMapFromText, clusterMapToText, readClusterMap } from "../../../src/registry/text/cluster-map-text.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { applyCommand } from "../../../src/registry/commands.js";

import { registryDocumentBytesMax } from "../../../src/registry/command-batch.js";
import {
  after,
  identity,
  largestMap,
  mapWith,
  refusal,
  servingMap,
  sharingIn,
  sharingMap,
  started,
  takeLead,
} from "../map-samples.js";

const base = after(servingMap(["a", "b"], 2), takeLead("l-1"));
const map = after(base, { kind: "beginMove", shard: 1, node: "a", ifEpoch: null, moveId: "m-7" });
const claims = [{ shard: 0, epoch: 5, releasedEpoch: 0, keyCount: 1, lineage: 3 }];
const sharing = after(sharingIn(sharingMap(["a", "b"], 2), ["c"], "s-2"), {
  kind: "drainNode",
  name: "b",
  isUndone: false,
  liveNodes: ["a"],
});
const putBack = after(after(map, { kind: "markPutBack", newMark: "m-1" }), started("a", { mark: "m-1", claims }));

describe("the cluster map as text", () => {
  it("comes back as it was: new, in use, restored, and as large as it gets", () => {
    for (const sample of [mapWith([]), map, putBack, largestMap(), sharing]) {
      expect(readClusterMap(clusterMapToText(sample))).toEqual({ map: sample, changes: [] });
    }
  });

  it("is stable: the same map gives the same text, and the format does not change unnoticed", () => {
    expect(clusterMapToText(map)).toBe(
      '{"format":2,"version":7,"clusterId":"c-1","clusterName":"test","shardCount":2,"hash":"fnv1a-32","leader":"l-1",' +
        '"leaderName":"gw-1","leaderUrl":"http://gw-1:4000","leaderSince":6,' +
        '"nodes":[["a","http://a:4001",1000,"a-store","a-start-1",false],' +
        '["b","http://b:4001",1000,"b-store","b-start-1",false]],' +
        '"epochs":[1,1],"primaries":[0,1],"lineages":[0,0],"moves":[[1,"m-7",0]],"isRecovered":false,"putBack":null}\n',
    );
    expect(clusterMapToText(putBack)).toContain(
      '"epochs":[5,1],"primaries":[0,1],"lineages":[3,0],"moves":[],"isRecovered":true,' +
        '"putBack":{"mark":"m-1","waiting":[1],"claims":[[0,0,3,5,1]]}}',
    );
  });

  it("names shared stores and draining storage nodes only where there are any, and reads a text without them", () => {
    const text = clusterMapToText(sharing);
    expect(text).toContain('"sharedStores":[0,1,2],"draining":[1],');
    expect(clusterMapToText(map)).not.toMatch(/sharedStores|draining/);
    const older = clusterMapFromText(text.replace(/"sharedStores".*"draining":\[1\],/, ""));
    expect([...older.nodes.values()].some(({ isStoreShared, isDraining }) => isStoreShared || isDraining)).toBe(false);
  });

  it("has room in the registry's bound with the most shards and storage nodes, whatever changes", () => {
    const samples = largestMap();
    const everyOne = [...samples.nodes].map(([name, node]) => {
      return [name, { ...node, isStoreShared: true, isDraining: true }] as const;
    });
    const large = { ...samples, nodes: new Map(everyOne) };
    const [first = ""] = large.nodes.keys();
    const all = after(large, { kind: "markPutBack", newMark: "m-1" });
    const claims = large.shards.map(({ shard, epoch }) => {
      return { shard, epoch, releasedEpoch: 0, keyCount: 1, lineage: 0 };
    });
    const known = large.nodes.get(first);
    const fields = identity(first, {
      start: known?.lastStart ?? "",
      storeId: known?.storeId ?? "",
      clusterId: large.clusterId,
      mark: "m-1",
      claims,
    });
    const register = {
      kind: "registerNode",
      name: first,
      url: known?.url ?? "",
      identity: fields,
      newMark: "",
    } as const;
    const claimed = after(all, register);
    expect(claimed.putBack?.claims.size).toBe(large.shardCount);
    expect(clusterMapToText(claimed).length).toBeLessThan(registryDocumentBytesMax);
    const waiting = { ...all, putBack: { mark: "m-1", waiting: [first], claims: new Map() } };
    const settled = applyCommand(waiting, { kind: "acceptLoss", name: first, refusal: null }, 1_795_974_453_824);
    expect(settled.changes).toHaveLength(large.shardCount);
    const record = recordOfChanges(settled.changes) ?? "";
    expect(clusterMapToText(settled.map).length + record.length).toBeLessThan(registryDocumentBytesMax);
  });

  it("is read whatever its hash, and with names it does not know", () => {
    const text = clusterMapToText(map).replace("fnv1a-32", "xx64").replace("{", '{"later":{"x":1},');
    expect(clusterMapFromText(text)).toEqual({ ...map, hash: "xx64" });
  });

  it("is read also as a release writes it that knows no more of the leader than its id", () => {
    const text = clusterMapToText(map).replace(/"leaderName".*"leaderSince":6,/, "");
    const leader = { id: "l-1", name: null, url: null, sinceVersion: null };
    expect(clusterMapFromText(text)).toEqual({ ...map, leader });
    expect(clusterMapToText(clusterMapFromText(text))).toBe(text);
    expect(clusterMapFromText(text.replace('"leader":"l-1"', '"leader":null,"leaderUrl":null'))).toMatchObject({
      leader: null,
    });
  });

  it.each<[ClusterMap, string, string, string | RegExp]>([
    [
      map,
      '"format":2',
      '"format":3',
      "its format is 3, but this version of shardgate reads formats 1 and 2. Start the version",
    ],
    [map, '"format":2,', "", "its format is undefined"],
    [map, '{"format"', '["format"', "it is not JSON"],
    [map, '"version":7', '"version":0', "`version` is 0"],
    [map, '"version":7', '"version":"7"', '`version` is "7"'],
    [map, '"version":7', '"version":1.5', "`version` is 1.5"],
    [map, '"version":7', '"version":9007199254740993', "`version` is"],
    [map, '"clusterId":"c-1"', '"clusterId":""', "`clusterId` is not a text"],
    [map, '"clusterName":"test"', '"clusterName":7', "`clusterName` is not a text"],
    [map, '"hash":"fnv1a-32",', "", "`hash` is not a text"],
    [map, '"leader":"l-1",', "", "`leader` is not a text"],
    [map, '"leaderName":"gw-1"', '"leaderName":7', "`leaderName` is not a text"],
    [map, '"leaderUrl":"http://gw-1:4000"', '"leaderUrl":""', "`leaderUrl` is not a text"],
    [map, '"leaderSince":6', '"leaderSince":0', "`leaderSince` is 0"],
    [map, '"shardCount":2', '"shardCount":3', "`epochs` lists 2 shards of 3"],
    [map, '"shardCount":2', '"shardCount":50000', "`shardCount` is 50000"],
    [map, '"shardCount":2', '"shardCount":0', "`shardCount` is 0"],
    [map, '["b",', '["a",', "it lists a storage node twice"],
    [map, '["b",', "[null,", "`name` is not a text"],
    [map, '"http://a:4001"', "null", "`url` is not a text"],
    [map, "1000,", "null,", "`registeredAtMs` is null"],
    [map, '"a-store"', "7", "`storeId` is not a text"],
    [map, '"a-start-1"', "[]", "`lastStart` is not a text"],
    [map, ",false]", ",0]", "`isLossAccepted` is 0"],
    [map, ",false]", "]", "a storage node is not a row of name, url"],
    [map, '"nodes":[', '"nodes":[7,', "a storage node is not a row"],
    [map, '"nodes":', '"knots":', "`nodes` is not an array"],
    [map, '"epochs":', '"eras":', "`epochs` is not an array"],
    [map, '"epochs":[1,', '"epochs":[-1,', "`epochs` of shard 0 is -1"],
    [map, '"epochs":[1,', '"epochs":[2147483648,', "`epochs` of shard 0 is 2147483648"],
    [map, '"epochs":[1,', '"epochs":[0,', "shard 0 has an owner and no epoch"],
    [map, '"primaries":[0,1]', '"primaries":[0]', "`primaries` lists 1 shards of 2"],
    [map, '"primaries":[0,1]', '"primaries":[0,2]', "`primaries` of shard 1 is 2"],
    [map, '"primaries":[0,1]', '"primaries":[0,"b"]', '`primaries` of shard 1 is "b"'],
    [map, '"lineages":[0,', '"lineages":[-1,', "`lineages` of shard 0 is -1"],
    [map, '"moves":[', '"moves":[7,', "a move is not a row of shard, id, target"],
    [map, '"moves":[[1', '"moves":[[2', "`shard` is 2"],
    [map, '"m-7",0]', '"m-7",2]', "`target` is 2"],
    [map, '"m-7",0]', "7,0]", "`id` is not a text"],
    [map, '"m-7",0]', '"m-7",1]', "the move of shard 1 has no source, or one that is its target"],
    [map, '"primaries":[0,1]', '"primaries":[0,-1]', "the move of shard 1 has no source"],
    [map, '"moves":[', '"moves":[[1,"m-8",0],', "it lists the move of a shard twice"],
    [map, '"putBack":null', '"putBack":7', "`putBack` is not an object"],
    [putBack, '"mark":"m-1",', "", "`mark` is not a text"],
    [putBack, '"waiting":[1]', '"waiting":[]', "it is marked as restored, but waits for no storage node"],
    [putBack, '"waiting":[1]', '"waiting":[2]', "`waiting` is 2"],
    [putBack, '"waiting":[1]', '"waiting":[1,1]', "it lists a waiting storage node twice"],
    [putBack, "[[0,0,3,5,1]]", "[[0,2,3,5,1]]", "`node` is 2"],
    [putBack, "[[0,0,3,5,1]]", "[[0,0,3,0,1]]", "`epoch` is 0"],
    [putBack, "[[0,0,3,5,1]]", "[[0,0,3,5,2]]", "`hasKeys` is 2"],
    [putBack, "[[0,0,3,5,1]]", "[[0,0]]", "a claim is not a row of shard, node, lineage, epoch, hasKeys"],
    [putBack, "[[0,0,3,5,1]]", "[[0,0,3,5,1],[0,1,3,6,1]]", "it lists the claim of a shard twice"],
  ])("is refused when it contradicts itself, row %#", (sample, part, replacement, problem) => {
    const text = clusterMapToText(sample);
    expect(text).toContain(part);
    const error = refusal(() => clusterMapFromText(text.replace(part, replacement)));
    expect(error.code).toBe("REGISTRY_CORRUPT");
    expect(error.message).toMatch(/^The stored cluster map cannot be used: /);
    expect(error.message).toContain(problem);
    expect(error.message).toMatch(/move it away to start with a new registry\.$|restore a backup\.$/);
  });

  it.each(["", "null", "7", "[]", "{", "{}"])("is refused when it is %j", (text) => {
    expect(refusal(() => clusterMapFromText(text)).code).toBe("REGISTRY_CORRUPT");
  });

  it("is refused when it was cut off anywhere", () => {
    const text = clusterMapToText(putBack).trimEnd();
    for (let length = 0; length < text.length; length++) {
      expect(refusal(() => clusterMapFromText(text.slice(0, length))).code).toBe("REGISTRY_CORRUPT");
    }
  });
});
