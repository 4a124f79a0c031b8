import { beforeEach, describe, expect, it } from "vitest";
import type { ShardNumber } from "../../../src/core/shard.js";
import { OwnClaims } from "../../../src/storage/postgres/own-claims.js";
import { noNode, type SeenState, type StoredNode } from "../../../src/storage/postgres/store-state.js";
import { emptyHeader, type ShardHeader } from "../../../src/storage/shard-header.js";
import { RecordLog } from "../../support/record-log.js";

const shard = 1 as ShardNumber;
let claims: OwnClaims;
beforeEach(() => {
  claims = new OwnClaims("one", new RecordLog());
});

/** The shard's row with a claim of `owner`. */
function rows(epoch: number, owner = "one"): SeenState["shards"] {
  return new Map([[shard, { owner, header: headerOf(epoch) }]]);
}

function headerOf(epoch: number): ShardHeader {
  return { ...emptyHeader, epoch };
}

function seen(epoch: number, own: StoredNode = noNode): SeenState {
  const state = { document: own.document, shared: null, claims: new Map(), damagedShards: [] };
  return { state, own, shards: rows(epoch) };
}

describe("OwnClaims", () => {
  it("asks for an epoch above a claim that the database has lost, also after an older state came late", () => {
    claims.see(seen(5));
    claims.see(seen(4));
    claims.failedOver(noNode, rows(4), "h1:5432");
    expect(claims.outdated).toMatchObject([{ shard, epoch: 5 }]);
    claims.check(new Map([[shard, headerOf(5)]]));
    expect(claims.refusalOf(shard)).not.toBeNull();
    claims.check(new Map([[shard, headerOf(6)]]));
    expect(claims.refusalOf(shard)).toBeNull();
  });

  it("asks for no epoch of a shard that another storage node has taken over", () => {
    claims.see(seen(5));
    claims.see({ ...seen(6), shards: rows(6, "other") });
    claims.failedOver(noNode, rows(6, "other"), "h1:5432");
    expect(claims.outdated).toEqual([]);
  });

  it("refuses everything when the newest document is lost, until one is written, however often the state is read", () => {
    const own = { document: "start 1", revision: 1 };
    claims.see(seen(5, own));
    claims.failedOver(noNode, rows(5), "h1:5432");
    claims.see(seen(5));
    expect(() => claims.refuseLostStart()).toThrow(expect.objectContaining({ code: "STORAGE_FAILED" }));
    claims.see(seen(5, own));
    expect(() => claims.refuseLostStart()).not.toThrow();
  });
});
