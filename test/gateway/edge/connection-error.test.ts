import { PassThrough } from "node:stream";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { answerClientError } from "../../../src/gateway/edge/connection-error.js";
import { openRequests } from "./open-requests.js";

const { requests } = openRequests();

const answerTo = (code: string | undefined): string => {
  const socket = Object.assign(new PassThrough(), { setTimeout: () => {} });
  const error = Object.assign(new Error("parse error"), code === undefined ? {} : { code });
  answerClientError(error, socket as unknown as Socket, requests);
  return String(socket.read());
};

describe("answerClientError", () => {
  it.each([
    ["HPE_INVALID_METHOD", "400 Bad Request", "BAD_REQUEST", "it is not HTTP"],
    [undefined, "400 Bad Request", "BAD_REQUEST", "it is not HTTP"],
    [
      "HPE_HEADER_OVERFLOW",
      "431 Request Header Fields Too Large",
      "HEADERS_TOO_LARGE",
      "its URL and headers are too long",
    ],
    ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout", "REQUEST_TIMEOUT", "it did not arrive in time"],
  ])("answers the client of %s that %s", (parserCode, status, code, why) => {
    const [head = "", body = ""] = answerTo(parserCode).split("\r\n\r\n");
    expect(head.split("\r\n")[0]).toBe(`HTTP/1.1 ${status}`);
    expect(head).toContain("connection: close");
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body)).toMatchObject({ code, detail: `The request cannot be read: ${why}.` });
  });

  it("answers nothing to a client that has disconnected", () => {
    for (const prepare of [(socket: PassThrough) => socket.end(), () => {}]) {
      const socket = new PassThrough();
      prepare(socket);
      answerClientError(
        Object.assign(new Error("gone"), { code: "ECONNRESET" }),
        socket as unknown as Socket,
        requests,
      );
      expect(socket.destroyed).toBe(true);
      expect(socket.read()).toBeNull();
    }
    const ended = new PassThrough();
    ended.end();
    answerClientError(new Error("late"), ended as unknown as Socket, requests);
    expect(ended.destroyed).toBe(true);
  });
});
