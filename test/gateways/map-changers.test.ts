/** That the check of a shard's history can fail: each way in which a change may be lost, doubled or invented. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseShard } from "../../src/core/shard.js";
import { MapChanger } from "./map-changers.js";

const before = { shardId: parseShard(3), nodeId: "node1", epoch: 5, lineage: 0 };
const row = (epoch: number, storageNodeName: string, cause = "OPERATOR") => ({ epoch, storageNodeName, cause });
const start = row(5, "node1", "AUTOMATIC");

/** A gateway that acknowledges its first move as epoch 6, and never answers the second. */
const gateway = createServer((_, response) => {
  if (++asked > 1) response.destroy();
  else response.end(JSON.stringify({ epoch: 6 }));
});
let asked = 0;
let changer: MapChanger;

beforeEach(async () => {
  asked = 0;
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  changer = new MapChanger({ gateway: "g", origin, nodes: ["node1", "node2"], before });
  await changer.move("node2");
  await changer.move("node1");
});
afterEach(() => new Promise((resolve) => gateway.close(resolve)));

describe("a shard that was moved to node2, and perhaps back", () => {
  it.each([
    ["node2", 6, [row(6, "node2"), start]],
    ["node1", 7, [row(7, "node1"), row(6, "node2"), start]],
  ])("may be at %s with epoch %i", (nodeId, epoch, history) => {
    expect(changer.acknowledged).toBe(1);
    expect(changer.complaints({ ...before, nodeId, epoch }, history, true)).toEqual([]);
  });

  it.each([
    ["has lost the move", "node1", 5, [start]],
    ["has lost it, and kept the epoch", "node2", 6, [row(6, "node1"), start]],
    ["was moved back twice", "node1", 8, [row(8, "node1"), row(7, "node1"), row(6, "node2"), start]],
    ["was moved where no client asked for", "node3", 7, [row(7, "node3"), row(6, "node2"), start]],
    ["was reassigned by a gateway", "node1", 7, [row(7, "node1", "AUTOMATIC"), row(6, "node2"), start]],
    ["has an epoch that its history lacks", "node1", 7, [row(6, "node2"), start]],
  ])("is found out when it %s", (_, nodeId, epoch, history) => {
    expect(changer.complaints({ ...before, nodeId, epoch }, history, true)).not.toEqual([]);
  });

  it("must be where it was moved also when the history is incomplete", () => {
    expect(changer.complaints({ ...before, nodeId: "node2", epoch: 1_000_007 }, [start], false)).toEqual([]);
    expect(changer.complaints({ ...before, nodeId: "node3", epoch: 1_000_007 }, [start], false)).not.toEqual([]);
    expect(changer.complaints({ ...before, epoch: 5 }, [start], false)).not.toEqual([]);
  });
});
