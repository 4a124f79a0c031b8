import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { errorOfProblem, problemOf } from "../../src/wire/problem.js";

describe("problem details", () => {
  const error = new ShardgateError("STALE_EPOCH", "Shard 3 is at epoch 7.", { shard: 3, epoch: 7 });

  it("contain the code, the status, the advice and the details", () => {
    expect(problemOf(error)).toEqual({
      title: "Stale epoch",
      status: 409,
      detail: "Shard 3 is at epoch 7.",
      code: "STALE_EPOCH",
      isRetryable: true,
      advice: error.rule.advice,
      shard: 3,
      epoch: 7,
    });
  });

  it("cannot be overwritten by details", () => {
    expect(problemOf(new ShardgateError("BAD_REQUEST", "x", { code: "FORBIDDEN", status: 200 }))).toMatchObject({
      code: "BAD_REQUEST",
      status: 400,
    });
  });

  it("are decoded to the same error", () => {
    const back = errorOfProblem(JSON.parse(JSON.stringify(problemOf(error))));
    expect(back).toMatchObject({ code: error.code, message: error.message });
    expect(back?.details).toMatchObject(error.details);
  });

  it.each([null, 7, "text", {}, { code: "OTHER" }, []])("are not recognised in %j", (body) => {
    expect(errorOfProblem(body)).toBeNull();
  });

  it("need no message", () => {
    expect(errorOfProblem({ code: "DRAINING" })).toMatchObject({ code: "DRAINING", message: "DRAINING" });
  });
});
