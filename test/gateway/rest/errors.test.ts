import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { errorOf } from "../../../src/gateway/rest/errors.js";

function fastifyError(facts: object): Error {
  return Object.assign(new Error("from fastify"), { code: "FST_ERR_SOMETHING", ...facts });
}

describe("errorOf", () => {
  it("returns an error of the closed list unchanged", () => {
    const error = new ShardgateError("OVERLOADED", "Too much.");
    expect(errorOf(error)).toBe(error);
  });

  it.each([
    [{ statusCode: 415 }, "UNSUPPORTED_MEDIA_TYPE"],
    [{ statusCode: 400 }, "BAD_REQUEST"],
    [{ statusCode: 500 }, "INTERNAL_SERVER_ERROR"],
    [{}, "INTERNAL_SERVER_ERROR"],
  ])("converts fastify's error %j to %s", (facts, code) => {
    const thrown = fastifyError(facts);
    expect(errorOf(thrown)).toMatchObject({ code, cause: thrown });
  });

  it.each([
    [[], undefined, "The request is not valid for this route."],
    [[{ instancePath: "", params: {}, message: "must be object" }], "body", "The body must be object."],
    [
      [{ instancePath: "/a/0", params: {}, message: "must be string" }],
      "querystring",
      "Field `a/0` of the query must be string.",
    ],
    [[{ instancePath: "/a", params: { missingProperty: "b" } }], "headers", "Field `a/b` of the headers is missing."],
    [[{ instancePath: "/a", params: {} }], "params", "Field `a` of the params is not valid for this route."],
  ])("names the invalid field and its part of the request: %j", (validation, validationContext, message) => {
    expect(errorOf(fastifyError({ validation, validationContext }))).toMatchObject({ code: "BAD_REQUEST", message });
  });

  it.each([
    new Error("a bug"),
    Object.assign(new Error("disk"), { code: "ENOSPC", statusCode: 400 }),
    "text",
    null,
    undefined,
  ])("masks %j", (thrown) => {
    const error = errorOf(thrown);
    expect(error.code).toBe("INTERNAL_SERVER_ERROR");
    expect(error.message).toBe("The gateway failed to process the request; its log has the cause.");
  });
});
