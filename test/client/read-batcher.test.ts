import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientHarness, change, hang, refuseConnection } from "./client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  for (const key of ["a", "b", "c"]) harness.router.seed(key, { is: key });
});
afterEach(() => harness.close());

const keysOf = (index: number): readonly string[] => harness.requests[index]?.body.variables["keys"] ?? [];

describe("reads of one tick", () => {
  it("share one request, with each key once", async () => {
    const { get, getMany } = harness.client();
    const [a, many, again] = await Promise.all([get("a"), getMany(["b", "none", "a", "b"]), get("a")]);
    expect(a).toMatchObject({ kind: "found", key: "a", value: { is: "a" } });
    expect(again).toEqual(a);
    expect(many.map(({ kind }) => kind)).toEqual(["found", "notFound", "found", "found"]);
    expect(harness.requests).toHaveLength(1);
    expect(keysOf(0)).toEqual(["a", "b", "none"]);
    expect(harness.pendingDeadlines).toBe(0);
  });

  it("are collected after promises that are ready", async () => {
    const client = harness.client();
    const read = async (key: string) => {
      await Promise.resolve();
      await Promise.resolve();
      return client.get(key);
    };
    await Promise.all(["a", "b", "c"].map(read));
    expect(harness.requests).toHaveLength(1);
  });

  it("of a thousand keys take one request, and with one more key two", async () => {
    const client = harness.client();
    const keys = Array.from({ length: 1000 }, (_, index) => `key${index}`);
    await Promise.all(keys.map((key) => client.get(key)));
    expect(harness.requests).toHaveLength(1);
    expect(keysOf(0)).toEqual(keys);
    const outcomes = await client.getMany([...keys, "a"]);
    expect(harness.requests).toHaveLength(3);
    expect(keysOf(2)).toEqual(["a"]);
    expect(outcomes[1000]).toMatchObject({ kind: "found", key: "a" });
  });

  it("of many thousand keys have at most four requests in flight", async () => {
    let [running, most] = [0, 0];
    harness.faults.push(
      ...Array.from({ length: 9 }, () => async (proceed: () => Promise<Response>) => {
        most = Math.max(most, ++running);
        const response = await proceed();
        running--;
        return response;
      }),
    );
    const outcomes = await harness.client().getMany(Array.from({ length: 8_500 }, (_, index) => `key${index}`));
    expect(outcomes).toHaveLength(8_500);
    expect(harness.requests).toHaveLength(9);
    expect(most).toBe(4);
  });

  it("never share an object between callers", async () => {
    const client = harness.client();
    const [one, two, [three]] = await Promise.all([client.get("a"), client.get("a"), client.getMany(["a"])]);
    const values = [one, two, three].map((outcome) => (outcome?.kind === "found" ? outcome.value : null));
    expect(new Set(values).size).toBe(3);
  });

  it("fail together when their request fails, and only then", async () => {
    const client = harness.client({ attemptsMax: 1 });
    harness.faults.push(refuseConnection);
    const keys = Array.from({ length: 1001 }, (_, index) => `key${index}`);
    const results = await Promise.allSettled([client.get("key0"), client.get("key1"), client.getMany(keys.slice(2))]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(harness.requests).toHaveLength(2);
    const [first, last] = await Promise.allSettled([client.get("a"), client.get("b")]);
    expect([first?.status, last?.status]).toEqual(["fulfilled", "fulfilled"]);
  });

  it("do not share a request with those of the next tick", async () => {
    const client = harness.client();
    await client.get("a");
    harness.router.seed("a", "new");
    expect(await client.get("a")).toMatchObject({ value: "new" });
    expect(harness.requests).toHaveLength(2);
  });

  it("send nothing for no keys", async () => {
    expect(await harness.client().getMany([])).toEqual([]);
    expect(harness.requests).toHaveLength(0);
  });

  it("are sent when the application's own schedule decides", async () => {
    const flushes: (() => void)[] = [];
    const client = harness.client({ scheduleBatch: (flush) => flushes.push(flush) });
    const early = client.get("a");
    await new Promise((resolve) => setImmediate(resolve));
    const late = client.get("b");
    expect(flushes).toHaveLength(1);
    flushes[0]?.();
    await Promise.all([early, late]);
    expect(keysOf(0)).toEqual(["a", "b"]);
    const atOnce = harness.client({ scheduleBatch: (flush) => flush() });
    expect(await atOnce.get("c")).toMatchObject({ kind: "found" });
  });
});

describe("an aborted caller", () => {
  it("gets the signal's reason at once, while others get their outcomes", async () => {
    const client = harness.client();
    const controller = new AbortController();
    const gone = client.get("a", { signal: controller.signal });
    const both = client.getMany(["a", "b"], { signal: new AbortController().signal });
    harness.faults.push(async (proceed) => {
      controller.abort(new Error("gone"));
      return proceed();
    });
    await expect(gone).rejects.toThrow("gone");
    expect((await both).map(({ kind }) => kind)).toEqual(["found", "found"]);
    expect(harness.requests[0]?.signal.aborted).toBe(false);
  });

  it("ends the request when no other caller waits for it", async () => {
    const client = harness.client();
    harness.faults.push(hang);
    const [one, two] = [new AbortController(), new AbortController()];
    const reads = [client.get("a", { signal: one.signal }), client.get("b", { signal: two.signal })];
    const ends = Promise.allSettled(reads);
    await new Promise((resolve) => setImmediate(resolve));
    one.abort("first");
    await expect(reads[0]).rejects.toBe("first");
    expect(harness.requests[0]?.signal.aborted).toBe(false);
    two.abort("second");
    expect(await ends).toEqual([
      { status: "rejected", reason: "first" },
      { status: "rejected", reason: "second" },
    ]);
    expect(harness.requests[0]?.signal.aborted).toBe(true);
    await vi.waitFor(() => expect(harness.pendingDeadlines).toBe(0));
  });

  it("is left out of a request that is sent later", async () => {
    const client = harness.client();
    const controller = new AbortController();
    const gone = client.getMany(["a", "b"], { signal: controller.signal });
    const kept = client.get("b");
    controller.abort();
    await expect(gone).rejects.toThrow("aborted");
    await kept;
    expect(keysOf(0)).toEqual(["b"]);
    await expect(client.get("a", { signal: controller.signal })).rejects.toThrow("aborted");
    expect(harness.requests).toHaveLength(1);
  });
});

it("refuses an answer with another number of results", async () => {
  harness.faults.push(change((body) => ({ data: { result: (body.data.result as unknown[]).slice(1) } })));
  await expect(harness.client().getMany(["a", "b"])).rejects.toMatchObject({
    code: "BAD_ANSWER",
    isRetryable: false,
    isOutcomeUnknown: false,
  });
});
