import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { OpenAnswers } from "../../src/storage-node/open-answers.js";

it("knows who waits for the answer to a whole request", () => {
  const socket = new PassThrough();
  const request = (complete: boolean): IncomingMessage => ({ socket, complete }) as unknown as IncomingMessage;
  const answers = new OpenAnswers();
  expect(answers.isOwed(socket)).toBe(false);
  answers.begin(request(false));
  expect(answers.isOwed(socket)).toBe(false);
  const whole = request(true);
  answers.begin(whole);
  expect(answers.isOwed(socket)).toBe(true);
  expect(answers.isOwed(new PassThrough())).toBe(false);
  answers.end(whole);
  expect(answers.isOwed(socket)).toBe(false);
});
