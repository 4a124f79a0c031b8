import { PassThrough } from "node:stream";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { OpenAnswers } from "../../../src/gateway/open-answers.js";
import { answerClientError } from "../../../src/gateway/rest/client-error.js";
import { errorOf } from "../../../src/gateway/rest/errors.js";

function fastifyError(facts: object): Error {
  return Object.assign(new Error("from fastify"), { code: "FST_ERR_SOMETHING", ...facts });
}

const answerTo = (code: string | undefined): string => {
  const socket = Object.assign(new PassThrough(), { setTimeout: () => {} });
  answerClientError(
    Object.assign(new Error("parse error"), code === undefined ? {} : { code }),
    socket as unknown as Socket,
    new OpenAnswers(),
  );
  return String(socket.read());
};

describe("errorOf", () => {
  it("leaves an error of the closed list as it is", () => {
    const error = new ShardgateError("OVERLOADED", "Too much.");
    expect(errorOf(error)).toBe(error);
  });

  it.each([
    [{ statusCode: 413 }, "BODY_TOO_LARGE"],
    [{ statusCode: 415 }, "UNSUPPORTED_MEDIA_TYPE"],
    [{ statusCode: 400 }, "BAD_REQUEST"],
    [{ statusCode: 500 }, "INTERNAL_SERVER_ERROR"],
    [{}, "INTERNAL_SERVER_ERROR"],
  ])("reads fastify's error %j as %s", (facts, code) => {
    const thrown = fastifyError(facts);
    expect(errorOf(thrown)).toMatchObject({ code, cause: thrown });
  });

  it.each([
    [[], undefined, "The request is not what this route takes."],
    [[{ instancePath: "", params: {}, message: "must be object" }], "body", "The body must be object."],
    [
      [{ instancePath: "/a/0", params: {}, message: "must be string" }],
      "querystring",
      "Field `a/0` of the query must be string.",
    ],
    [[{ instancePath: "/a", params: { missingProperty: "b" } }], "headers", "Field `a/b` of the headers is missing."],
    [[{ instancePath: "/a", params: {} }], "params", "Field `a` of the params is not what this route takes."],
  ])("says which field of which part is wrong: %j", (validation, validationContext, message) => {
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
    expect(error.message).toBe("The gateway failed at this request; its log has the cause.");
  });
});

describe("answerClientError", () => {
  it.each([
    ["HPE_INVALID_METHOD", "it is not HTTP"],
    [undefined, "it is not HTTP"],
    ["HPE_HEADER_OVERFLOW", "its headers are too long"],
    ["ERR_HTTP_REQUEST_TIMEOUT", "it did not arrive in time"],
  ])("tells the client of %s that %s", (code, why) => {
    const [head = "", body = ""] = answerTo(code).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad request\r\n/);
    expect(head).toContain("connection: close");
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body)).toMatchObject({ code: "BAD_REQUEST", detail: `The request cannot be read: ${why}.` });
  });

  it("says nothing to a client that is gone", () => {
    for (const prepare of [(socket: PassThrough) => socket.end(), () => {}]) {
      const socket = new PassThrough();
      prepare(socket);
      answerClientError(
        Object.assign(new Error("gone"), { code: "ECONNRESET" }),
        socket as unknown as Socket,
        new OpenAnswers(),
      );
      expect(socket.destroyed).toBe(true);
      expect(socket.read()).toBeNull();
    }
    const ended = new PassThrough();
    ended.end();
    answerClientError(new Error("late"), ended as unknown as Socket, new OpenAnswers());
    expect(ended.destroyed).toBe(true);
  });
});
