import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientHarness, answer, loseAnswer, refuseConnection, type Fault } from "../client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
});
afterEach(() => harness.close());

const increment = (current: unknown): number => Number(current ?? 0) + 1;
const proceed: Fault = (proceed) => proceed();
/** Another client writes before the request is sent. */
const overtaken =
  (value: unknown): Fault =>
  (proceed) => {
    harness.router.seed("n", value);
    return proceed();
  };
/** The gateway lost the answer of the storage node; nothing was written. */
const unknown: Fault = async (proceed) => {
  harness.router.refuse("n", "OUTCOME_UNKNOWN");
  const response = await proceed();
  harness.router.refusals.clear();
  return response;
};
/** The same, but `value` was written. */
const unknownButWritten =
  (value: unknown): Fault =>
  (proceed, request) => {
    harness.router.seed("n", value);
    return unknown(proceed, request);
  };
const setName = (current: unknown): object => ({ ...(current as object), name: "Ada" });
const valueNow = async (): Promise<unknown> => {
  const outcome = await harness.client().get("n");
  return outcome.kind === "found" ? outcome.value : undefined;
};

describe("update", () => {
  it("creates an entry, and replaces it", async () => {
    const client = harness.client();
    expect(await client.update("n", increment)).toMatchObject({ kind: "written", value: 1, isNew: true });
    expect(await client.update("n", async (current) => increment(current))).toMatchObject({ value: 2, isNew: false });
    expect(await client.update("n", increment, { expiry: { ttlSeconds: 60 } })).toMatchObject({
      expiresAt: expect.any(Date) as Date,
    });
  });

  it("starts again when another writer was faster", async () => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, overtaken(10), proceed, overtaken(20));
    const fn = vi.fn(increment);
    expect(await harness.client().update("n", fn)).toMatchObject({ kind: "written", value: 21 });
    expect(fn.mock.calls).toEqual([[1], [10], [20]]);
    expect(harness.pauses).toEqual([25, 50]);
  });

  it("loses no update among many concurrent ones", async () => {
    const clients = Array.from({ length: 8 }, () => harness.client());
    await Promise.all(clients.map((client) => client.update("n", increment, { attemptsMax: 100 })));
    expect(await valueNow()).toBe(8);
  });

  it("ends with the last conflict when its attempts are used up", async () => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, overtaken(10), proceed, overtaken(20));
    expect(await harness.client().update("n", increment, { attemptsMax: 2 })).toMatchObject({
      kind: "conflict",
      current: { value: 20 },
    });
    expect(harness.requests).toHaveLength(4);
  });

  it("writes nothing when fn throws, or when the value cannot be read or written", async () => {
    const client = harness.client();
    const failure = client.update("n", () => {
      throw new Error("no");
    });
    await expect(failure).rejects.toThrow("no");
    expect(await client.update("", increment)).toMatchObject({ kind: "invalidKey" });
    expect(await client.update("n", () => "x".repeat(2 ** 20))).toMatchObject({ kind: "invalidValue" });
    harness.router.refuse("n", "FORBIDDEN");
    expect(await client.update("n", increment)).toMatchObject({ kind: "forbidden" });
    expect(harness.router.has("n")).toBe(false);
  });

  it("refuses a storage node that keeps no versions", async () => {
    harness.router.isPlain = true;
    harness.router.seed("n", 1);
    const fn = vi.fn(increment);
    expect(await harness.client().update("n", fn)).toEqual({
      kind: "notSupported",
      key: "n",
      code: "NOT_SUPPORTED",
      message: 'Key "n" cannot be updated safely: its storage node does not keep versions.',
      isRetryable: false,
    });
    expect(fn).not.toHaveBeenCalled();
  });

  it("throws when its first read gets no answer", async () => {
    const client = harness.client({ attemptsMax: 1 });
    harness.faults.push(refuseConnection);
    await expect(client.update("n", increment)).rejects.toMatchObject({ isOutcomeUnknown: false });
    harness.faults.push(proceed, answer(403, { code: "FORBIDDEN" }));
    await expect(client.update("n", increment)).rejects.toMatchObject({ code: "FORBIDDEN", isOutcomeUnknown: false });
  });
});

describe("update, when the answer to its write is lost", () => {
  it.each([
    ["outcome", unknown],
    ["answer", refuseConnection],
  ])("retries when the version proves that the write did not happen: unknown %s", async (_what, fault) => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, fault);
    expect(await harness.client().update("n", increment)).toMatchObject({ kind: "written", value: 2 });
    expect(harness.requests).toHaveLength(4);
  });

  it("retries a creation when the key is still absent", async () => {
    harness.faults.push(proceed, unknown);
    expect(await harness.client().update("n", increment)).toMatchObject({ kind: "written", value: 1 });
  });

  it("never applies fn twice: it ends with the unknown outcome, or with the error", async () => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, unknownButWritten(2));
    expect(await harness.client().update("n", increment)).toMatchObject({ kind: "unknown", code: "OUTCOME_UNKNOWN" });
    expect(await valueNow()).toBe(2);
    harness.faults.push(proceed, loseAnswer);
    await expect(harness.client().update("n", increment)).rejects.toMatchObject({ isOutcomeUnknown: true });
    expect(await valueNow()).toBe(3);
  });

  it("never mistakes another write for its own, even with the same value", async () => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, async (_proceed, request) => {
      harness.router.seed("n", 2);
      return refuseConnection(_proceed, request);
    });
    await expect(harness.client().update("n", increment)).rejects.toMatchObject({ isOutcomeUnknown: true });
    expect(await valueNow()).toBe(2);
  });

  it("does not apply fn twice when the lost write arrives late", async () => {
    harness.router.seed("n", 1);
    harness.faults.push(proceed, unknown, proceed, overtaken(2));
    expect(await harness.client().update("n", increment)).toMatchObject({ kind: "unknown" });
    expect(await valueNow()).toBe(2);
  });

  it("continues with the current value when fn is idempotent", async () => {
    harness.router.seed("n", { age: 36 });
    harness.faults.push(proceed, loseAnswer, proceed, overtaken({ age: 37 }));
    expect(await harness.client().update("n", setName, { isIdempotent: true })).toMatchObject({
      kind: "written",
      value: { age: 37, name: "Ada" },
    });
  });

  it.each([
    ["another read fails", refuseConnection],
    ["another read cannot be served", answer(200, { data: { result: [{ __typename: "Forbidden" }] } })],
  ])("reports the unknown outcome when %s", async (_when, fault) => {
    harness.faults.push(proceed, unknown, fault);
    const client = harness.client({ attemptsMax: 1 });
    expect(await client.update("n", increment)).toMatchObject({ kind: "unknown" });
  });

  it("reports the unknown outcome when another write fails, or when its attempts are used up", async () => {
    const client = harness.client();
    harness.faults.push(proceed, unknown, proceed, answer(200, { data: { result: [{ __typename: "Forbidden" }] } }));
    expect(await client.update("n", increment)).toMatchObject({ kind: "unknown" });
    harness.faults.push(proceed, unknown, proceed, answer(403, { code: "FORBIDDEN" }));
    expect(await client.update("n", increment)).toMatchObject({ kind: "unknown" });
    harness.faults.push(proceed, unknown);
    expect(await client.update("n", increment, { attemptsMax: 1 })).toMatchObject({ kind: "unknown" });
    harness.router.seed("n", 1);
    harness.faults.push(proceed, unknown, proceed, overtaken(7));
    const options = { attemptsMax: 2, isIdempotent: true };
    expect(await client.update("n", increment, options)).toMatchObject({ kind: "unknown" });
  });

  it("rethrows errors of fn", async () => {
    harness.faults.push(proceed, unknown);
    const fn = vi
      .fn(increment)
      .mockReturnValueOnce(1)
      .mockImplementation(() => {
        throw new Error("no");
      });
    await expect(harness.client().update("n", fn)).rejects.toThrow("no");
  });
});
