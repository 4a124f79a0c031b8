import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientDocuments } from "../../../src/client/index.js";
import { parsePersistedDocuments } from "../../../src/gateway/graphql/request/persisted-documents.js";
import { ClientHarness, answer, hang, hangForever } from "../client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  harness.router.seed("a", 1);
});
afterEach(() => harness.close());

describe("a request", () => {
  it("is a POST of JSON to the endpoint, which follows no redirect", async () => {
    await harness.client().get("a");
    expect(harness.requests[0]).toMatchObject({
      url: harness.url,
      body: { query: clientDocuments["entries"], variables: { keys: ["a"] } },
      headers: { "content-type": "application/json", accept: expect.stringContaining("graphql-response") as string },
      redirect: "manual",
    });
  });

  it("carries the application's headers, requested anew each time", async () => {
    await harness.client({ headers: { authorization: "Bearer 1" } }).get("a");
    expect(harness.requests[0]?.headers["authorization"]).toBe("Bearer 1");
    let token = 0;
    const client = harness.client({
      headers: async () => ({ authorization: `Bearer ${++token}`, "content-type": "x" }),
    });
    harness.faults.push(answer(503, ""));
    await client.get("a");
    expect(harness.requests.slice(1).map(({ headers }) => headers["authorization"])).toEqual(["Bearer 1", "Bearer 2"]);
    expect(harness.requests[1]?.headers["content-type"]).toBe("application/json");
  });

  it("is not sent when the application's headers fail", async () => {
    const client = harness.client({ headers: () => Promise.reject(new Error("signed out")) });
    await expect(client.get("a")).rejects.toThrow("signed out");
    await expect(client.put("a", 1)).rejects.toThrow("signed out");
    expect(harness.requests).toEqual([]);
  });

  it("sends its document's id, for a gateway that accepts no documents", async () => {
    const texts = parsePersistedDocuments(JSON.stringify(clientDocuments));
    const strict = await ClientHarness.start({ texts, isOnly: true });
    try {
      const client = strict.client({ sendsDocumentIds: true });
      expect(await client.update("n", () => 1)).toMatchObject({ kind: "written" });
      expect(await client.delete("n")).toMatchObject({ kind: "deleted" });
      const hash = createHash("sha256").update(String(clientDocuments["entries"])).digest("hex");
      expect(strict.requests[0]?.body).toEqual({ documentId: `sha256:${hash}`, variables: { keys: ["n"] } });
      await expect(strict.client().put("n", 1)).rejects.toMatchObject({
        code: "PERSISTED_DOCUMENT_REQUIRED",
        isOutcomeUnknown: false,
      });
    } finally {
      await strict.close();
    }
  });
});

describe("the timeout of a call", () => {
  it.each([
    ["fetch obeys its signal", hang],
    ["fetch does not", hangForever],
  ])("ends it, when %s", async (_when, fault) => {
    harness.faults.push(fault, fault);
    const client = harness.client();
    const calls = Promise.allSettled([client.get("a"), client.put("a", 1)]);
    await new Promise((resolve) => setImmediate(resolve));
    harness.passDeadlines();
    const [read, write] = await calls;
    expect(read).toMatchObject({ reason: { code: "TIMEOUT", isRetryable: true, isOutcomeUnknown: false } });
    expect(write).toMatchObject({ reason: { code: "TIMEOUT", isOutcomeUnknown: true, status: null } });
    expect(harness.requests).toHaveLength(2);
    expect(harness.pendingDeadlines).toBe(0);
  });

  it("ends the wait for headers, with nothing sent", async () => {
    const client = harness.client({ headers: () => new Promise(() => {}) });
    const write = client.put("a", 1);
    await new Promise((resolve) => setImmediate(resolve));
    harness.passDeadlines();
    await expect(write).rejects.toMatchObject({ code: "TIMEOUT", isOutcomeUnknown: false });
    expect(harness.requests).toEqual([]);
  });
});

describe("an aborted signal", () => {
  it("makes every call throw its reason, before and while it runs", async () => {
    const client = harness.client();
    const signal = AbortSignal.abort("early");
    const calls = [
      client.get("a", { signal }),
      client.getMany([], { signal }),
      client.put("a", 1, { signal }),
      client.delete("a", { signal }),
      client.update("a", () => 1, { signal }),
      client.shardFor("a", { signal }),
      client.scan({ signal })[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) await expect(call).rejects.toBe("early");
    expect(harness.requests).toEqual([]);

    const controller = new AbortController();
    harness.faults.push(hang);
    const write = client.put("a", 1, { signal: controller.signal });
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort("late");
    await expect(write).rejects.toBe("late");
    expect(harness.requests[0]?.signal.aborted).toBe(true);
  });
});

describe("an invalid answer", () => {
  it.each([
    ["a page of HTML", answer(404, "<html>"), { code: "BAD_ANSWER", status: 404, isOutcomeUnknown: false }],
    ["a redirect", answer(301, ""), { code: "BAD_ANSWER", status: 301, isOutcomeUnknown: true }],
    ["JSON of something else", answer(200, { ok: true }), { code: "BAD_ANSWER", isOutcomeUnknown: true }],
    ["null", answer(200, "null"), { code: "BAD_ANSWER", isOutcomeUnknown: true }],
    ["a proxy's 408", answer(408, ""), { code: "BAD_ANSWER", isOutcomeUnknown: true }],
    ["an error without a code", answer(400, { errors: [{ message: "?" }] }), { code: "BAD_ANSWER" }],
    [
      "problem details",
      answer(403, { code: "FORBIDDEN", detail: "No.", isRetryable: false }),
      { code: "FORBIDDEN", message: "No. (FORBIDDEN)", status: 403, isOutcomeUnknown: false },
    ],
    ["problem details without words", answer(403, { code: "FORBIDDEN" }), { message: "FORBIDDEN (FORBIDDEN)" }],
    [
      "an error of the field, from its execution",
      answer(200, { data: { result: null }, errors: [{ message: "Oh.", extensions: { code: "NEW_CODE" } }] }),
      { code: "NEW_CODE", message: "Oh. (NEW_CODE)", isOutcomeUnknown: true },
    ],
  ])("is an error: %s", async (_what, fault, expected) => {
    harness.faults.push(fault);
    await expect(harness.client().put("a", 2)).rejects.toMatchObject({ isRetryable: false, ...expected });
    expect(harness.requests).toHaveLength(1);
  });

  it("from the gateway's refusals means that nothing was written", async () => {
    const client = harness.client();
    // As from a gateway that accepts fewer keys in one field than usual.
    const error = { message: "Too many.", extensions: { code: "TOO_MANY_KEYS", isRetryable: false } };
    harness.faults.push(answer(200, { data: { result: null }, errors: [error] }));
    const items = [{ key: "k", value: 1 }];
    await expect(client.putMany(items)).rejects.toMatchObject({ code: "TOO_MANY_KEYS", isOutcomeUnknown: false });
    const condition = { ifVersion: "not a version" };
    await expect(client.put("a", 2, { condition })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      isOutcomeUnknown: false,
    });
    const expiry = { at: new Date("+010000-01-01T00:00:00Z") };
    await expect(client.put("a", 2, { expiry })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      isOutcomeUnknown: false,
      message: expect.stringContaining("DateTime must be") as string,
    });
    const value = "x".repeat(17 * 1024 * 1024);
    await expect(client.put("a", value)).rejects.toMatchObject({ code: "BODY_TOO_LARGE", isOutcomeUnknown: false });
    expect(await client.get("a")).toMatchObject({ value: 1 });
  });
});

describe("shardFor", () => {
  it("returns the shard of a key and its storage node", async () => {
    const client = harness.client();
    expect(await client.shardFor("user123")).toEqual({
      number: 2,
      state: "ACTIVE",
      epoch: 1,
      primary: { name: "node1", url: "http://127.0.0.1:4500", state: "UP" },
    });
    harness.faults.push(answer(502, ""));
    await client.shardFor("a");
    expect(harness.requests).toHaveLength(3);
  });

  it("throws for an invalid key", async () => {
    await expect(harness.client().shardFor("")).rejects.toMatchObject({ code: "INVALID_KEY", isRetryable: false });
  });
});
