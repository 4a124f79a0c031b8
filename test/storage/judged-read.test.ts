import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { planAttemptsMax } from "../../src/core/limits.js";
import { readJudged } from "../../src/storage/judged-read.js";
import type { ReadAnswer } from "../../src/storage/read-operations.js";
import { shard } from "../conformance/storage-operations.js";

const gone: ReadAnswer = {
  outcomes: [{ kind: "notFound" }, { kind: "notFound" }],
  marks: new Map([[shard(0), { epoch: 1, expiryMarkMs: 5 }]]),
  judging: new Set([1]),
};

describe("readJudged", () => {
  it("repeats the read when a claim changed meanwhile, and answers from the newest state", async () => {
    const newest: ReadAnswer = { outcomes: [{ kind: "notFound" }], marks: new Map(), judging: new Set() };
    const answers = [gone, newest];
    const outcomes = await readJudged(
      async () => answers.shift() ?? gone,
      async () => false,
    );
    expect(outcomes).toBe(newest.outcomes);
  });

  it("refuses only the operations that depend on a mark when the claim keeps changing", async () => {
    let reads = 0;
    const read = async () => {
      reads++;
      return gone;
    };
    const outcomes = await readJudged(read, async () => false);
    expect(outcomes).toMatchObject([{ kind: "notFound" }, { kind: "refused", code: "SHARD_UNAVAILABLE" }]);
    expect(reads).toBe(planAttemptsMax);
  });

  it.each([
    ["STORAGE_FULL", "STORAGE_FULL"],
    ["OUTCOME_UNKNOWN", "SHARD_UNAVAILABLE"],
  ] as const)(
    "refuses only the operations that depend on a mark when raising it fails with %s",
    async (code, refused) => {
      const raise = () => Promise.reject(new ShardgateError(code, "No."));
      const outcomes = await readJudged(async () => gone, raise);
      expect(outcomes).toMatchObject([{ kind: "notFound" }, { kind: "refused", code: refused }]);
    },
  );

  it("rethrows a programmer error", async () => {
    const broken = new TypeError("broken");
    await expect(
      readJudged(
        async () => gone,
        () => Promise.reject(broken),
      ),
    ).rejects.toBe(broken);
  });
});
