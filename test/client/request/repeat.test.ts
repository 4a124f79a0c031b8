import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientHarness, answer, hang, loseAnswer, refuseConnection } from "../client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  for (const key of ["a", "b", "c"]) harness.router.seed(key, key);
});
afterEach(() => harness.close());

const keysOf = (index: number): unknown => harness.requests[index]?.body.variables["keys"];
const itemsOf = (index: number): readonly { key: string }[] => harness.requests[index]?.body.variables["items"] ?? [];
const recover = () => (harness.onPause = () => harness.router.refusals.clear());

describe("a read", () => {
  it.each(["SHARD_UNAVAILABLE", "OVERLOADED"] as const)("is retried alone after %s", async (code) => {
    harness.router.refuse("b", code);
    recover();
    const outcomes = await harness.client().getMany(["a", "b", "c"]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["found", "found", "found"]);
    expect([keysOf(0), keysOf(1)]).toEqual([["a", "b", "c"], ["b"]]);
    expect(harness.pauses).toEqual([25]);
  });

  it("does not delay others while it is retried", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    const client = harness.client();
    const controller = new AbortController();
    const dead = client.get("b", { signal: controller.signal });
    harness.faults.push((proceed) => proceed(), hang);
    expect(await client.get("a")).toMatchObject({ kind: "found" });
    expect(harness.pendingDeadlines).toBe(1);
    controller.abort("enough");
    await expect(dead).rejects.toBe("enough");
  });

  it("ends with the shard's last answer, after growing pauses", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE", "down");
    expect(await harness.client({ attemptsMax: 8 }).get("b")).toEqual({
      kind: "unavailable",
      key: "b",
      code: "SHARD_UNAVAILABLE",
      message: "down",
      isRetryable: true,
      shard: expect.any(Number) as number,
    });
    expect(harness.pauses).toEqual([25, 50, 100, 200, 400, 500, 500]);
  });

  it.each(["STORAGE_FULL", "STORAGE_FAILED", "FORBIDDEN"] as const)("is not retried after %s", async (code) => {
    harness.router.refuse("b", code);
    expect(await harness.client().get("b")).toMatchObject({ code });
    expect(harness.requests).toHaveLength(1);
  });

  it("is retried without an answer, and after a busy proxy", async () => {
    harness.faults.push(refuseConnection, answer(503, "<html>"));
    expect(await harness.client().get("a")).toMatchObject({ kind: "found" });
    expect(harness.requests).toHaveLength(3);
  });

  it("throws when no attempt got an answer", async () => {
    harness.faults.push(refuseConnection, loseAnswer, refuseConnection);
    await expect(harness.client().get("a")).rejects.toMatchObject({
      name: "ShardgateRequestError",
      code: "NETWORK_FAILURE",
      isRetryable: true,
      isOutcomeUnknown: false,
      status: null,
    });
    expect(harness.requests).toHaveLength(3);
  });

  it("keeps its earlier outcome when a later attempt fails", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    harness.faults.push((proceed) => proceed(), refuseConnection, refuseConnection);
    expect(await harness.client().get("b")).toMatchObject({ kind: "unavailable" });
    harness.onPause = () => harness.passDeadlines();
    expect(await harness.client().get("b")).toMatchObject({ kind: "unavailable" });
  });

  it("is attempted once when attemptsMax is 1", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    expect(await harness.client({ attemptsMax: 1 }).get("b")).toMatchObject({ kind: "unavailable" });
    expect(harness.requests).toHaveLength(1);
  });
});

describe("a write", () => {
  it.each(["SHARD_UNAVAILABLE", "OVERLOADED"] as const)("is retried alone after %s", async (code) => {
    harness.router.refuse("b", code);
    recover();
    const outcomes = await harness.client().putMany([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["written", "written"]);
    expect([itemsOf(0).length, itemsOf(1)]).toEqual([2, [{ key: "b", value: 2 }]]);
  });

  it("is not retried when there is another write of its key", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    recover();
    const outcomes = await harness.client().putMany([
      { key: "b", value: 1 },
      { key: "b", value: 2 },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["unavailable", "unavailable"]);
    expect(harness.requests).toHaveLength(1);
  });

  it.each(["OUTCOME_UNKNOWN", "STORAGE_FULL"] as const)("is not retried after %s", async (code) => {
    harness.router.refuse("b", code);
    expect(await harness.client().put("b", 1)).toMatchObject({ code });
    expect(await harness.client().delete("b")).toMatchObject({ code });
    expect(harness.requests).toHaveLength(2);
  });

  it.each([
    ["a lost answer", loseAnswer],
    ["a refused connection, which looks the same", refuseConnection],
    ["a proxy's 504", answer(504, "<html>")],
    ["an internal error", answer(500, { errors: [{ message: "?", extensions: { code: "INTERNAL_SERVER_ERROR" } }] })],
  ])("is not retried after %s", async (_what, fault) => {
    harness.faults.push(fault);
    await expect(harness.client().put("a", 1)).rejects.toMatchObject({ isOutcomeUnknown: true });
    expect(harness.requests).toHaveLength(1);
  });

  it.each([
    ["the gateway refused the request for the moment", 429, { code: "OVERLOADED", isRetryable: true }],
    ["a proxy refused it", 429, "slow down"],
  ])("is retried when %s", async (_what, status, body) => {
    harness.faults.push(answer(status, body));
    expect(await harness.client().put("a", 1)).toMatchObject({ kind: "written" });
    expect(harness.requests).toHaveLength(2);
  });

  it("is unknown when it was refused at first and the answer to its retry is lost; others keep their outcomes", async () => {
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    recover();
    harness.faults.push((proceed) => proceed(), loseAnswer);
    const outcomes = await harness.client().putMany([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    expect(outcomes[0]).toMatchObject({ kind: "written" });
    expect(outcomes[1]).toEqual({
      kind: "unknown",
      key: "b",
      code: "OUTCOME_UNKNOWN",
      message: expect.stringContaining("no answer") as string,
      isRetryable: false,
      shard: expect.any(Number) as number,
    });
  });

  it("ends its pause when it is aborted", async () => {
    const controller = new AbortController();
    harness.router.refuse("b", "SHARD_UNAVAILABLE");
    harness.onPause = () => controller.abort("enough");
    await expect(harness.client().put("b", 1, { signal: controller.signal })).rejects.toBe("enough");
    expect(harness.requests).toHaveLength(1);
  });
});
