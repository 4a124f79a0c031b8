import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import { pageEntriesDefault, pageEntriesMax } from "../../../../src/core/limits.js";
import { shardOfKey } from "../../../../src/core/shard.js";
import { NodeFault } from "../../../../src/routing/node-client/node-client.js";
import { startTestGateway, type TestGateway, type TestGatewayOptions } from "../../test-gateway.js";
import { postJson, rawRequest, type RawAnswer } from "../raw-request.js";

let gateway: TestGateway;

beforeEach(() => start());
afterEach(() => gateway.close());

async function start(options: TestGatewayOptions = {}): Promise<void> {
  gateway = await startTestGateway(options);
  await gateway.register("node1");
}

interface Page {
  readonly entries: readonly { readonly key: string }[];
  readonly next: string | null;
  readonly unavailableShards: readonly number[];
}

const get = (target: string): Promise<RawAnswer> => rawRequest(gateway.url, target);

async function page(search = ""): Promise<Page & { readonly keys: readonly string[] }> {
  const answer = await get(`/data${search}`);
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json; charset=utf-8" } });
  const found = answer.json() as unknown as Page;
  return { ...found, keys: found.entries.map(({ key }) => key) };
}

async function put(...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await rawRequest(gateway.url, `/data/${encodeURIComponent(key)}`, { method: "PUT", body: JSON.stringify(key) });
  }
}

describe("GET /data", () => {
  it("lists entries with all their facts, the values as they were written", async () => {
    await rawRequest(gateway.url, "/data/a?ttl=60", { method: "PUT", body: '{ "n": 1.00 }' });
    await put("b");
    expect((await get("/data")).text).toBe(
      '{"entries":[{"key":"a","version":"1","createdAt":"2026-01-31T12:00:00.000Z","updatedAt":"2026-01-31T12:00:00.000Z",' +
        '"expiresAt":"2026-01-31T12:01:00.000Z","value":{ "n": 1.00 }},' +
        '{"key":"b","version":"1","createdAt":"2026-01-31T12:00:00.000Z","updatedAt":"2026-01-31T12:00:00.000Z",' +
        '"expiresAt":null,"value":"b"}],"next":null,"unavailableShards":[]}',
    );
    expect(await page("?prefix=nothing")).toMatchObject({ entries: [], next: null, unavailableShards: [] });
  });

  it("pages through all shards in bytewise key order, `next` being the `after` of the next page", async () => {
    const keys = ["a", "a b", "a+b", "a/b", "a%2Fb", "ä", "ﬀ", "😀", "..x"];
    await put(...keys);
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const limit of [1, 2, keys.length]) {
      const found: string[] = [];
      for (let after: string | null = null, isFirst = true; isFirst || after !== null; isFirst = false) {
        const search = after === null ? "" : `&after=${encodeURIComponent(after)}`;
        const { keys: more, next } = await page(`?limit=${limit}${search}`);
        found.push(...more);
        after = next;
      }
      expect(found).toEqual(sorted);
    }
    expect((await page("?prefix=a%2F")).keys).toEqual(["a/b"]);
    expect((await page("?prefix=a%252F")).keys).toEqual(["a%2Fb"]);
    expect((await page("?prefix=a%2B")).keys).toEqual(["a+b"]);
    expect((await page("?prefix=a+")).keys).toEqual(["a b"]);
    expect((await page("?prefix=..")).keys).toEqual(["..x"]);
    expect((await page("?prefix=a&after=a%2Bb")).keys).toEqual(["a/b"]);
  });

  it("returns the same page as GraphQL's scan", async () => {
    await put(...Array.from({ length: pageEntriesDefault + 5 }, (_, index) => `key${index}`));
    const { keys, next } = await page();
    expect([keys.length, next]).toEqual([pageEntriesDefault, keys.at(-1)]);
    const query = "{ scan { edges { node { key } } } }";
    const { data } = (await postJson(gateway.url, "/graphql", { query })).json() as {
      data: { scan: { edges: readonly { readonly node: { readonly key: string } }[] } };
    };
    expect(keys).toEqual(data.scan.edges.map(({ node }) => node.key));
  });

  it.each([
    ["?limit=0", "limit"],
    [`?limit=${pageEntriesMax + 1}`, `1 to ${pageEntriesMax}`],
    ["?limit=1.5", "limit"],
    ["?limit=", "limit"],
    ["?limit=1&limit=2", "limit"],
    ["?prefix=a&prefix=b", "prefix"],
    ["?prefix=%00", "`prefix` has a control character"],
    ["?prefix=%ff", "not percent-encoded UTF-8"],
    ["?after=", "`after` is not a key: it is empty"],
    ["?after=..", "`after` is not a key: it is reserved"],
    ["?after=%E0%A4%A", "not percent-encoded UTF-8"],
  ])("refuses %s", async (search, detail) => {
    const answer = await get(`/data${search}`);
    expect(answer.json()).toMatchObject({ status: 400, code: "BAD_REQUEST", detail: expect.stringContaining(detail) });
  });

  it("refuses other methods", async () => {
    const answer = await rawRequest(gateway.url, "/data", { method: "POST", body: "1" });
    expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("names the shards that could not answer, whose entries are missing", async () => {
    await put("a", "b");
    gateway.node("node1").failNext({ fault: refused }, 100);
    const asked = get("/data");
    await vi.waitFor(async () => {
      await gateway.clock.advance(100);
      expect(await Promise.race([asked, null])).not.toBeNull();
    });
    expect((await asked).json()).toEqual({ entries: [], next: null, unavailableShards: [0, 1, 2, 3] });
  });
});

describe("the bounds of GET /data", () => {
  const restart = async (options: TestGatewayOptions): Promise<void> => {
    await gateway.close();
    await start(options);
    await put("a", "b", "c");
  };
  const asked = (): number => gateway.node("node1").batches.length;

  it("limit the entries of a page, and its cost in keys and shards, before a storage node is asked", async () => {
    await restart({ bounds: { pageEntries: 10, requestCost: 8 } });
    const before = asked();
    expect((await get("/data?limit=5")).json()).toMatchObject({ status: 400, code: "REQUEST_TOO_COSTLY", cost: 9 });
    expect((await get("/data")).json()).toMatchObject({ status: 400, code: "REQUEST_TOO_COSTLY", cost: 14 });
    expect((await get("/data?limit=11")).json()).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    expect(asked()).toBe(before);
    expect((await page("?limit=4")).keys).toEqual(["a", "b", "c"]);
  });

  it("limit the items and the bytes of one answer", async () => {
    await restart({ bounds: { listItems: 2 } });
    expect((await get("/data?limit=10")).json()).toMatchObject({ status: 413, code: "ANSWER_TOO_LARGE" });
    await restart({ bounds: { answerBytes: 2 } });
    // So many keys of one shard that it is asked twice, the second time when the page is full.
    const keys = Array.from({ length: 300 }, (_, index) => `key${index}`);
    await put(...keys.filter((key) => shardOfKey(parseKey(key), 4) === 0).slice(0, 30));
    expect((await get("/data?prefix=key&limit=30")).json()).toMatchObject({ status: 413, code: "ANSWER_TOO_LARGE" });
  });
});

const refused = new NodeFault("connectionRefused", "connection refused", true);
