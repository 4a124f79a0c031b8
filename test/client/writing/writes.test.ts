import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import { ShardgateRequestError } from "../../../src/client/index.js";
import { answer, ClientHarness, hang, loseAnswer, refuseConnection, type Fault } from "../client-harness.js";
import { requestBytesMax } from "../../../src/client/writing/write-parts.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  harness.router.seed("a", 1);
});
afterEach(() => harness.close());

describe("put", () => {
  it("returns the entry that was written", async () => {
    const { put } = harness.client();
    const outcome = await put("new", { n: 1 });
    expect(outcome).toEqual({
      kind: "written",
      key: "new",
      value: { n: 1 },
      version: expect.stringMatching(/^\d+$/) as string,
      createdAt: expect.any(Date) as Date,
      updatedAt: expect.any(Date) as Date,
      expiresAt: null,
      isNew: true,
    });
    expect(await put("new", null)).toMatchObject({ kind: "written", value: null, isNew: false });
  });

  it("writes the value that was passed, even if the object changes later", async () => {
    const client = harness.client();
    const value = { n: 1 };
    const written = client.put("a", value);
    value.n = 2;
    await written;
    expect(await client.get("a")).toMatchObject({ value: { n: 1 } });
  });

  it("accepts conditions and returns the entry that they conflict with", async () => {
    const client = harness.client();
    expect(await client.put("a", 2, { condition: { ifAbsent: true } })).toMatchObject({
      kind: "conflict",
      key: "a",
      code: "VERSION_CONFLICT",
      current: { key: "a", value: 1, version: "1", updatedAt: expect.any(Date) as Date },
    });
    expect(await client.put("b", 2, { condition: { ifPresent: true } })).toMatchObject({
      kind: "conflict",
      current: null,
    });
    expect(await client.put("a", 2, { condition: { ifVersion: "1" } })).toMatchObject({ kind: "written" });
  });

  it("reports that nothing was written when an expiry has passed at the storage node", async () => {
    const client = harness.client();
    const outcome = await client.put("late", 1, { expiry: { at: new Date(0) } });
    expect(outcome).toMatchObject({ kind: "expiryPassed", key: "late", code: "EXPIRY_PASSED", isRetryable: false });
    expect(await client.get("late")).toMatchObject({ kind: "notFound" });
  });

  it("accepts expiries as seconds and as a date", async () => {
    const client = harness.client();
    const inAnHour = { kind: "written", expiresAt: new Date("2026-01-31T13:00:00.000Z") };
    expect(await client.put("a", 1, { expiry: { ttlSeconds: 3600 } })).toMatchObject(inAnHour);
    expect(await client.put("a", 1, { expiry: { at: inAnHour.expiresAt } })).toMatchObject(inAnHour);
    expect(await client.get("a")).toMatchObject({ expiresAt: inAnHour.expiresAt });
  });

  it("refuses a value that is not JSON, and sends nothing", async () => {
    const client = harness.client();
    for (const value of [undefined, () => 1, Symbol("s"), 1n]) {
      await expect(client.put("a", value)).rejects.toThrow(TypeError);
    }
    await expect(client.putMany([{ key: "a", value: undefined }])).rejects.toThrow('key "a" is not JSON');
    expect(harness.requests).toEqual([]);
  });

  it("returns each problem as an outcome", async () => {
    const client = harness.client();
    expect(await client.put("", 1)).toMatchObject({ kind: "invalidKey", code: "INVALID_KEY", key: "" });
    expect(await client.put("a", "x".repeat(2 ** 20))).toMatchObject({ kind: "invalidValue", code: "INVALID_VALUE" });
    for (const [code, kind] of Object.entries({ FORBIDDEN: "forbidden", NOT_SUPPORTED: "notSupported" })) {
      harness.router.refuse("a", code as "FORBIDDEN");
      expect(await client.put("a", 1)).toMatchObject({ kind, code, key: "a", isRetryable: false });
    }
    harness.router.refuse("a", "OUTCOME_UNKNOWN");
    expect(await client.put("a", 1)).toMatchObject({ kind: "unknown", shard: expect.any(Number) as number });
  });
});

describe("putMany", () => {
  it("writes all items in one request, in order", async () => {
    const client = harness.client();
    const outcomes = await client.putMany([
      { key: "b", value: 1 },
      { key: "", value: 1 },
      { key: "b", value: 2, condition: { ifPresent: true }, expiry: { ttlSeconds: 60 } },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["written", "invalidKey", "written"]);
    expect(harness.requests).toHaveLength(1);
    expect(await client.get("b")).toMatchObject({ value: 2 });
    expect(await client.putMany([])).toEqual([]);
  });
});

const itemsOf = (index: number): readonly { key: string }[] => harness.requests[index]?.body.variables["items"] ?? [];
const sizes = (): readonly number[] => harness.requests.map((_, index) => itemsOf(index).length);
const proceed: Fault = (go) => go();

describe("writes that do not fit into one request", () => {
  const puts = (count: number) => Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: index }));

  it("take several, with one outcome per item, in order", async () => {
    const client = harness.client();
    const items = puts(2_001);
    const outcomes = await client.putMany(items);
    expect(sizes()).toEqual([1_000, 1_000, 1]);
    expect(outcomes.map((outcome) => [outcome.kind, outcome.key])).toEqual(items.map(({ key }) => ["written", key]));
    const deleted = await client.deleteMany([...items.map(({ key }) => key), "none"]);
    expect(sizes().slice(3)).toEqual([1_000, 1_000, 2]);
    expect(deleted.at(-2)).toMatchObject({ kind: "deleted", key: "k2000" });
    expect(deleted.at(-1)).toMatchObject({ kind: "notFound", key: "none" });
  });

  it("are also split by bytes", async () => {
    const value = "ä".repeat(250_000);
    const items = Array.from({ length: 9 }, (_, index) => ({ key: `k${index}`, value }));
    const outcomes = await harness.client().putMany(items);
    expect(outcomes.map(({ kind }) => kind)).toEqual(items.map(() => "written"));
    expect(sizes()).toEqual([4, 4, 1]);
  });

  it("are sent completely and in order, in requests that are each within the bounds", async () => {
    const bytes = (text: string): number => new TextEncoder().encode(text).length;
    const item = fc.record({ key: fc.string({ minLength: 1 }), length: fc.integer({ min: 0, max: 900_000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 12 }), async (list) => {
        const items = list.map(({ key, length }) => ({ key, value: "x".repeat(length) }));
        const bodies: string[] = [];
        const fetch = (_url: unknown, { body }: { body: string }) => {
          bodies.push(body);
          const { variables } = JSON.parse(body) as { variables: { items: unknown[] } };
          const result = variables.items.map(() => ({ __typename: "PutSuccess", isNew: true, entry: {} }));
          return Promise.resolve(Response.json({ data: { result } }));
        };
        const client = harness.client({ fetch: fetch as unknown as typeof globalThis.fetch });
        expect((await client.putMany(items)).map(({ key }) => key)).toEqual(items.map(({ key }) => key));
        const sent = bodies.map((body) => (JSON.parse(body) as { variables: { items: object[] } }).variables.items);
        expect(sent.flat()).toEqual(items);
        const lists = sent.map((items) => items.map((item) => bytes(JSON.stringify(item))));
        for (const [index, sizes] of lists.entries()) {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          expect(total <= requestBytesMax || sizes.length === 1).toBe(true);
          // No request had room for the first item of the next one.
          const next = lists[index + 1]?.[0] ?? requestBytesMax;
          expect(total + next).toBeGreaterThan(requestBytesMax - 1);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("send an item that is too long separately", async () => {
    const outcomes = await harness.client().putMany([
      { key: "b", value: 1 },
      { key: "c", value: "x".repeat(requestBytesMax) },
      { key: "d", value: 1 },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["written", "invalidValue", "written"]);
    expect(sizes()).toEqual([1, 1, 1]);
  });

  it("keep the order of two writes of one key", async () => {
    const client = harness.client();
    await client.putMany([{ key: "k1500", value: "first" }, ...puts(2_000)]);
    expect(await client.get("k1500")).toMatchObject({ value: 1_500 });
  });

  const thrown = async (work: Promise<unknown>): Promise<ShardgateRequestError> => {
    const error: unknown = await work.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error instanceof ShardgateRequestError) return error;
    throw new Error("The call did not fail as a request.", { cause: error });
  };

  it("report the result of each item when a later request is lost", async () => {
    harness.router.refuse("k1", "FORBIDDEN");
    harness.faults.push(proceed, loseAnswer);
    const error = await thrown(harness.client().putMany(puts(2_500)));
    expect(error).toMatchObject({ code: "NETWORK_FAILURE", isOutcomeUnknown: true, unsentFrom: 2_000 });
    expect(error.message).toMatch(
      /^There was no answer from .*\. Of the 2500 items of this call, 1000 have an outcome, 1000 may have been written, and 500 were not sent\.$/,
    );
    expect(error.outcomes).toHaveLength(2_500);
    expect(error.outcomes?.slice(0, 2)).toMatchObject([
      { kind: "written", key: "k0", value: 0 },
      { kind: "forbidden", key: "k1" },
    ]);
    expect(error.outcomes?.slice(1_000)).toEqual(Array.from({ length: 1_500 }, () => null));
    expect(harness.requests).toHaveLength(2);
  });

  it("report that nothing more was written when a later request is refused", async () => {
    harness.faults.push(proceed, proceed, answer(401, { code: "UNAUTHENTICATED", detail: "No." }));
    const error = await thrown(harness.client().deleteMany(puts(3_000).map(({ key }) => key)));
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", isOutcomeUnknown: false, unsentFrom: 3_000, status: 401 });
    expect(error.message).toMatch(
      /\. Of the 3000 items of this call, 2000 have an outcome, and 1000 were not deleted\.$/,
    );
    expect(error.outcomes?.map((outcome) => outcome?.kind).lastIndexOf("notFound")).toBe(1_999);
  });

  it("report the same when the first request fails, and when an item had an outcome without being sent", async () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => (value === 1_400 ? { issues: [{ message: "No." }] } : { value }),
      },
    };
    harness.faults.push(answer(400, { code: "BODY_TOO_LARGE", detail: "Too long." }));
    const error = await thrown(harness.client().putMany(puts(1_500), { schema }));
    expect(error).toMatchObject({ code: "BODY_TOO_LARGE", unsentFrom: 1_000 });
    expect(error.outcomes?.[1_400]).toMatchObject({ kind: "mismatch", key: "k1400" });
    expect(error.message).toMatch(/ 1 has an outcome, 1000 were not written, and 499 were not sent\.$/);
  });

  it("report the same when the application's own headers fail for a later request", async () => {
    let count = 0;
    const cause = new Error("no token");
    const headers = () => (count++ === 0 ? {} : Promise.reject(cause));
    const error = await thrown(harness.client({ headers }).putMany(puts(1_001)));
    expect(error).toMatchObject({ code: "NOT_SENT", isOutcomeUnknown: false, cause, unsentFrom: 1_001, status: null });
    expect(error.message).toMatch(
      /^no token\. Of the 1001 items of this call, 1000 have an outcome, and 1 was not written\.$/,
    );
    await expect(harness.client({ headers }).put("a", 1)).rejects.toBe(cause);
    let calls = 0;
    const odd = () => (calls++ === 0 ? {} : Promise.reject("no token"));
    expect((await thrown(harness.client({ headers: odd }).putMany(puts(1_002)))).message).toMatch(
      /^no token\. Of the 1002 items of this call, 1000 have an outcome, and 2 were not written\.$/,
    );
  });

  it("count each item once when headers fail for a second attempt at some of them", async () => {
    harness.router.refuse("k1", "SHARD_UNAVAILABLE");
    let count = 0;
    const headers = () => (count++ === 0 ? {} : Promise.reject(new Error("no token")));
    const error = await thrown(harness.client({ headers }).putMany(puts(1_500)));
    expect(error.outcomes?.map((outcome) => outcome?.kind).slice(0, 3)).toEqual(["written", undefined, "written"]);
    expect(error.message).toBe(
      "no token. Of the 1500 items of this call, 999 have an outcome, 1 was not written, and 500 were not sent.",
    );
  });

  it("have no outcomes in the error when their only request fails", async () => {
    harness.faults.push(refuseConnection);
    const error = await thrown(harness.client().put("a", 1));
    expect(error).toMatchObject({ outcomes: null, unsentFrom: null, isOutcomeUnknown: true });
    expect(error.message).toBe(`There was no answer from ${harness.url}.`);
  });

  it("stop at an abort with its reason", async () => {
    const controller = new AbortController();
    harness.faults.push(proceed, (go, request) => {
      controller.abort("enough");
      return hang(go, request);
    });
    const call = harness.client().putMany(puts(3_000), { signal: controller.signal });
    await expect(call).rejects.toBe("enough");
    expect(harness.requests).toHaveLength(2);
  });
});

describe("delete and deleteMany", () => {
  it("return the result for each key", async () => {
    const client = harness.client();
    const { version } = (await client.put("b", 2)) as { version: string };
    expect(await client.delete("b", { condition: { ifVersion: "99" } })).toMatchObject({
      kind: "conflict",
      current: { value: 2, version },
    });
    expect(await client.deleteMany(["a", "none", { key: "b", condition: { ifVersion: version } }])).toEqual([
      { kind: "deleted", key: "a", version: "1" },
      expect.objectContaining({ kind: "notFound", key: "none", code: "KEY_NOT_FOUND" }),
      { kind: "deleted", key: "b", version },
    ]);
    expect(await client.delete("a")).toMatchObject({ kind: "notFound" });
  });

  it("return no version from a storage node that keeps none", async () => {
    harness.router.isPlain = true;
    harness.router.seed("a", 1);
    expect(await harness.client().delete("a")).toEqual({ kind: "deleted", key: "a", version: null });
  });
});
