import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { OpenAnswers } from "../../../src/storage-node/http/open-answers.js";
import { FakeClock } from "../../support/fake-clock.js";

it("knows which connections owe an answer to a complete request", () => {
  const answers = new OpenAnswers(new FakeClock());
  const exchange = (socket: PassThrough, complete: boolean): readonly [IncomingMessage, ServerResponse] => {
    const request = { socket, complete } as unknown as IncomingMessage;
    return [request, Object.assign(new EventEmitter(), { req: request }) as unknown as ServerResponse];
  };
  const socket = new PassThrough();
  expect(answers.endBehindAnswers(socket)).toBe(false);
  answers.begin(...exchange(socket, false));
  expect(answers.endBehindAnswers(socket)).toBe(false);
  const answered = exchange(socket, true);
  answers.begin(...answered);
  answers.end(...answered);
  expect(answers.endBehindAnswers(socket)).toBe(false);
  const [request, response] = exchange(socket, true);
  answers.begin(request, response);
  expect(answers.endBehindAnswers(socket)).toBe(true);
  expect(response.shouldKeepAlive).toBe(false);
  answers.end(request, response);
  // Later requests are no longer checked.
  expect(answers.endBehindAnswers(socket)).toBe(true);
  expect(answers.endBehindAnswers(new PassThrough())).toBe(false);
});
