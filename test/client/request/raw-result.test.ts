/**
 * How values are read and written: schemas of three libraries, parsers of the application, unknown types of results.
 */
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { createClient, type StandardSchema } from "../../../src/client/index.js";
import { ClientHarness, allOf, answer, change } from "../client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  harness.router.seed("ada", { name: "Ada", born: "1815-12-10" });
  harness.router.seed("bad", { name: 1 });
});
afterEach(() => harness.close());

/** Parses dates from text; written by hand, and asynchronous. */
const person: StandardSchema<{ name: string; born: string }, { name: string; born: Date }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) => {
      const { name, born } = value as { name?: unknown; born?: unknown };
      if (typeof name !== "string") return { issues: [{ message: "name is no text", path: ["name"] }] };
      return { value: { name, born: new Date(String(born)) } };
    },
  },
};
const ada = { name: "Ada", born: new Date("1815-12-10") };
const mismatch = { kind: "mismatch", code: "SCHEMA_MISMATCH", isRetryable: false };

describe("a schema", () => {
  it.each([
    ["zod", z.object({ name: z.string(), born: z.string().transform((text) => new Date(text)) })],
    [
      "valibot",
      v.object({
        name: v.string(),
        born: v.pipe(
          v.string(),
          v.transform((text) => new Date(text)),
        ),
      }),
    ],
    ["no library", person],
  ])("of %s transforms stored values when they are read", async (_maker, schema) => {
    const client = createClient({ ...harness.options(), schema: schema as typeof person });
    expect(await client.getMany(["ada", "bad", "none"])).toMatchObject([
      { kind: "found", value: ada },
      {
        ...mismatch,
        key: "bad",
        issues: expect.arrayContaining([]) as unknown[],
        entry: { key: "bad", value: { name: 1 }, version: "2" },
      },
      { kind: "notFound" },
    ]);
  });

  it("validates a value before it is written, which is stored as it was passed", async () => {
    const client = createClient({ ...harness.options(), schema: person });
    const bad = { name: 1 } as never;
    expect(await client.put("x", bad)).toMatchObject({ ...mismatch, key: "x", entry: null });
    expect(harness.requests).toEqual([]);
    const good = { name: "Bob", born: "1900-01-01" };
    const outcomes = await client.putMany([
      { key: "x", value: bad },
      { key: "y", value: good },
      { key: "z", value: bad },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["mismatch", "written", "mismatch"]);
    expect(outcomes[1]).toMatchObject({ key: "y", value: good });
    expect(await harness.client().get("y")).toMatchObject({ value: good });
  });

  it("of a call replaces the client's", async () => {
    const client = createClient({ ...harness.options(), schema: person });
    const name = z.object({ name: z.number() });
    expect(await client.get("bad", { schema: name })).toMatchObject({ kind: "found", value: { name: 1 } });
    expect(await client.put("n", 5, { schema: z.number() })).toMatchObject({ kind: "written", value: 5 });
    expect(await client.update("n", (n) => (n ?? 0) + 1, { schema: z.number() })).toMatchObject({ value: 6 });
    const [entry] = await allOf(client.scan({ prefix: "n", schema: z.number() }));
    expect(entry?.value).toBe(6);
  });

  it("is applied to the current entry of a conflict, and to the value that is updated", async () => {
    const client = createClient({ ...harness.options(), schema: person });
    const value = { name: "Bob", born: "1900-01-01" };
    const condition = { ifAbsent: true } as const;
    expect(await client.put("ada", value, { condition })).toMatchObject({ kind: "conflict", current: { value: ada } });
    expect(await client.put("bad", value, { condition })).toMatchObject({ ...mismatch, entry: { value: { name: 1 } } });
    expect(await client.delete("bad", { condition: { ifVersion: "9" } })).toMatchObject(mismatch);
    expect(await client.update("bad", () => value)).toMatchObject({ ...mismatch, entry: { value: { name: 1 } } });
    const grown = await client.update("ada", (current) => ({ name: `${current?.name}!`, born: "1815-12-10" }));
    expect(grown).toMatchObject({ kind: "written", value: { name: "Ada!" } });
  });
});

describe("values", () => {
  it("keep every digit with a parser and a serializer of the application", async () => {
    const client = harness.client({
      parseValue: (text) => ({ digits: text }),
      stringifyValue: (value) => (value as { digits: string }).digits,
    });
    const big = { digits: "123456789012345678901234567890.10" };
    expect(await client.put("big", big)).toMatchObject({ kind: "written", value: big });
    expect(await client.get("big")).toMatchObject({ value: big });
    expect(await client.put("big", big, { condition: { ifAbsent: true } })).toMatchObject({ current: { value: big } });
    expect((await allOf(client.scan({ prefix: "big" })))[0]?.value).toEqual(big);
    expect(await client.delete("big", { condition: { ifVersion: "9" } })).toMatchObject({ current: { value: big } });
  });

  it("may be JSON's null, and may contain any name", async () => {
    const client = harness.client();
    const value = JSON.parse('{"__proto__":1,"toJSON":2}') as unknown;
    await client.putMany([
      { key: "null", value: null },
      { key: "names", value },
    ]);
    const [none, names, copy] = await client.getMany(["null", "names", "names"]);
    expect(none).toMatchObject({ kind: "found", value: null });
    expect(JSON.stringify(names?.kind === "found" && Object.entries(names.value as object))).toBe(
      '[["__proto__",1],["toJSON",2]]',
    );
    expect(copy).toEqual(names);
  });

  it("have no version and times when the storage node keeps none", async () => {
    harness.router.isPlain = true;
    harness.router.seed("plain", 1);
    expect(await harness.client().get("plain")).toEqual({
      kind: "found",
      key: "plain",
      value: 1,
      version: null,
      createdAt: null,
      updatedAt: null,
      expiresAt: null,
    });
  });

  it("are refused when their parser throws", async () => {
    const client = harness.client({
      parseValue: () => {
        throw new Error("not mine");
      },
    });
    await expect(client.get("ada")).rejects.toThrow("not mine");
    expect(await client.get("none")).toMatchObject({ kind: "notFound" });
  });
});

describe("a problem of a type that the client does not know", () => {
  const young = { __typename: "QuotaExceeded", code: "QUOTA_EXCEEDED", message: "Too much.", isRetryable: true };

  it("is returned as refused, with its code", async () => {
    const { __typename, ...facts } = young;
    harness.faults.push(answer(200, { data: { result: [young] } }), answer(200, { data: { result: [young] } }));
    expect(await harness.client().get("ada")).toEqual({ kind: "refused", key: "ada", ...facts });
    expect(await harness.client().delete("ada")).toEqual({ kind: "refused", key: "ada", ...facts });
  });

  it("without a code has its type's name as code", async () => {
    harness.faults.push(change(() => ({ data: { result: [{ __typename: "Odd" }] } })));
    expect(await harness.client().put("ada", 1)).toEqual({
      kind: "refused",
      key: "ada",
      code: "Odd",
      message: "Odd",
      isRetryable: false,
    });
  });
});
