import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { ShardgateOutcomeError, type EntryScan } from "../../src/client/index.js";
import { ClientHarness, allOf, answer, change, hang } from "./client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  for (const key of ["a", "b1", "b2", "b3", "b4", "b5", "c"]) harness.router.seed(key, `is ${key}`);
});
afterEach(() => harness.close());

async function keysOf(scan: EntryScan<unknown>): Promise<readonly string[]> {
  return (await allOf(scan)).map(({ key }) => key);
}

describe("scan", () => {
  it("returns all entries in key order, page by page", async () => {
    const client = harness.client();
    expect(await keysOf(client.scan())).toEqual(["a", "b1", "b2", "b3", "b4", "b5", "c"]);
    expect(harness.requests).toHaveLength(1);
    expect(harness.requests[0]?.body.variables).toEqual({ prefix: "", reverse: false, first: 100, after: null });
    expect(await keysOf(client.scan({ prefix: "b", pageSize: 2 }))).toEqual(["b1", "b2", "b3", "b4", "b5"]);
    expect(harness.requests).toHaveLength(4);
    const [entry] = await allOf(client.scan({ prefix: "c" }));
    expect(entry).toMatchObject({ key: "c", value: "is c", version: "7", expiresAt: null });
  });

  it("returns all entries in descending order", async () => {
    const scan = harness.client().scan({ prefix: "b", pageSize: 2, reverse: true });
    expect(await keysOf(scan)).toEqual(["b5", "b4", "b3", "b2", "b1"]);
    expect(harness.requests).toHaveLength(3);
  });

  it("returns nothing from an empty store", async () => {
    const scan = harness.client().scan({ prefix: "none" });
    expect(await keysOf(scan)).toEqual([]);
    expect(scan.cursor).toBeNull();
  });

  it.each([false, true])("continues where another one stopped, reverse: %s", async (reverse) => {
    const client = harness.client();
    const first = client.scan({ prefix: "b", pageSize: 2, reverse });
    const seen: string[] = [];
    for await (const { key } of first) {
      seen.push(key);
      if (seen.length === 3) break;
    }
    expect(harness.requests).toHaveLength(2);
    const rest = await keysOf(client.scan({ prefix: "b", reverse, after: first.cursor }));
    expect([...seen, ...rest]).toEqual(reverse ? ["b5", "b4", "b3", "b2", "b1"] : ["b1", "b2", "b3", "b4", "b5"]);
  });

  it("refuses pages with missing shards, after a retry", async () => {
    harness.router.deadShards.add(0).add(1);
    const scan = harness.client().scan();
    await expect(keysOf(scan)).rejects.toMatchObject({
      code: "SHARD_UNAVAILABLE",
      message: "Entries are missing, because these shards cannot answer: 0, 1 (see `allowPartial`).",
      isRetryable: true,
    });
    expect(harness.requests).toHaveLength(3);
    harness.onPause = () => harness.router.deadShards.clear();
    harness.router.deadShards.add(3);
    expect(await keysOf(harness.client().scan())).toHaveLength(7);
    expect(scan.unavailableShards).toEqual([]);
  });

  it("continues without them when allowed, and names the missing shards", async () => {
    harness.router.deadShards.add(3).add(0);
    const scan = harness.client().scan({ allowPartial: true, pageSize: 2 });
    const keys = await keysOf(scan);
    expect(keys.length).toBeLessThan(7);
    expect(scan.unavailableShards).toEqual([0, 3]);
  });

  it("retries a page without an answer, and throws when none arrives", async () => {
    harness.faults.push(answer(503, ""));
    expect(await keysOf(harness.client().scan({ prefix: "b", pageSize: 3 }))).toHaveLength(5);
    harness.faults.push(answer(403, { code: "FORBIDDEN" }));
    await expect(keysOf(harness.client().scan())).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(keysOf(harness.client().scan({ pageSize: 1001 }))).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it("ends when the signal is aborted or the time of a page is over", async () => {
    const controller = new AbortController();
    harness.faults.push(hang, hang);
    const aborted = keysOf(harness.client().scan({ signal: controller.signal }));
    const late = keysOf(harness.client().scan());
    const ends = Promise.allSettled([aborted, late]);
    controller.abort("enough");
    await new Promise((resolve) => setImmediate(resolve));
    harness.passDeadlines();
    expect(await ends).toMatchObject([{ reason: "enough" }, { reason: { code: "TIMEOUT" } }]);
  });

  it("throws at a value that does not fit the schema, and can be continued after it", async () => {
    harness.router.seed("b2", 2);
    const client = harness.client({ schema: z.string() } as object);
    const scan = client.scan({ prefix: "b" });
    const failure = await keysOf(scan).catch((error: unknown) => error as ShardgateOutcomeError);
    expect(failure).toBeInstanceOf(ShardgateOutcomeError);
    expect(failure).toMatchObject({ code: "SCHEMA_MISMATCH", outcome: { key: "b2", entry: { value: 2 } } });
    expect(await keysOf(client.scan({ prefix: "b", after: scan.cursor }))).toEqual(["b3", "b4", "b5"]);
  });

  it("ends at an empty page, even if the page promises more", async () => {
    harness.faults.push(change(() => ({ data: { result: { edges: [], pageInfo: {}, unavailableShards: [] } } })));
    expect(await keysOf(harness.client().scan())).toEqual([]);
  });
});
