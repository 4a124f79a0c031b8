import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientHarness } from "./client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  harness.router.seed("a", 1);
});
afterEach(() => harness.close());

describe("put", () => {
  it("tells the entry that was written", async () => {
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

  it("writes what was passed, whatever becomes of the object", async () => {
    const client = harness.client();
    const value = { n: 1 };
    const written = client.put("a", value);
    value.n = 2;
    await written;
    expect(await client.get("a")).toMatchObject({ value: { n: 1 } });
  });

  it("takes conditions and answers the entry they conflict with", async () => {
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

  it("says of an expiry that has passed at the storage node that nothing was written", async () => {
    const client = harness.client();
    const outcome = await client.put("late", 1, { expiry: { at: new Date(0) } });
    expect(outcome).toMatchObject({ kind: "expiryPassed", key: "late", code: "EXPIRY_PASSED", isRetryable: false });
    expect(await client.get("late")).toMatchObject({ kind: "notFound" });
  });

  it("takes expiries as seconds and as a date", async () => {
    const client = harness.client();
    const inAnHour = { kind: "written", expiresAt: new Date("2026-01-31T13:00:00.000Z") };
    expect(await client.put("a", 1, { expiry: { ttlSeconds: 3600 } })).toMatchObject(inAnHour);
    expect(await client.put("a", 1, { expiry: { at: inAnHour.expiresAt } })).toMatchObject(inAnHour);
    expect(await client.get("a")).toMatchObject({ expiresAt: inAnHour.expiresAt });
  });

  it("refuses what is not JSON, and sends nothing", async () => {
    const client = harness.client();
    for (const value of [undefined, () => 1, Symbol("s"), 1n]) {
      await expect(client.put("a", value)).rejects.toThrow(TypeError);
    }
    await expect(client.putMany([{ key: "a", value: undefined }])).rejects.toThrow('key "a" is not JSON');
    expect(harness.requests).toEqual([]);
  });

  it("tells each problem as an outcome", async () => {
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
  it("writes all items in one request, in their order", async () => {
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

describe("delete and deleteMany", () => {
  it("tell what became of each key", async () => {
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

  it("tell no version of a storage node that keeps none", async () => {
    harness.router.isPlain = true;
    harness.router.seed("a", 1);
    expect(await harness.client().delete("a")).toEqual({ kind: "deleted", key: "a", version: null });
  });
});
