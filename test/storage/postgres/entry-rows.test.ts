import { describe, expect, it } from "vitest";
import type { JsonEntry } from "../../../src/core/entry.js";
import type { Key } from "../../../src/core/key.js";
import type { ShardNumber } from "../../../src/core/shard.js";
import type { JsonText } from "../../../src/core/text/json-text.js";
import type { Version } from "../../../src/core/version.js";
import { applyPlan } from "../../../src/storage/postgres/rows/entry-rows.js";
import { emptyHeader } from "../../../src/storage/shard-header.js";
import { encodeEntry } from "../../../src/storage/stored-entry.js";

const shard = 1 as ShardNumber;
const key = "a" as Key;
const entry: JsonEntry = {
  key,
  value: "1" as JsonText,
  version: "5" as Version,
  createdAtMs: 1,
  updatedAtMs: 1,
  expiresAtMs: null,
};

function planOf(sizeBytes: number): Parameters<typeof applyPlan>[1] {
  const after = { ...encodeEntry(shard, entry), sizeBytes };
  const header = { shard, before: emptyHeader, after: { ...emptyHeader, sequence: 5 } };
  return {
    changes: [{ shard, key, before: null, buried: null, after, tombstone: null }],
    dropped: [],
    headers: [header],
  };
}

describe("the rows of a plan", () => {
  it("are sent in one go, the shards' figures first", () => {
    const texts: string[] = [];
    applyPlan(async (text) => (texts.push(text), []), planOf(2));
    expect(texts.map((text) => text.slice(0, 19))).toEqual(["UPDATE shards AS s ", "INSERT INTO entries"]);
  });

  it("throw for a value that cannot be sent, so that the figures are not committed without the entries", () => {
    expect(() => applyPlan(async () => [], planOf(2 ** 40))).toThrow(RangeError);
  });
});
