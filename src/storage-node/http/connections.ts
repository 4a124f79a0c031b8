/**
 * What a storage node's server does beside answering requests, so that nobody holds its connections for long or gets an
 * answer without a code: it knows which answers are owed, lets go of clients that go on sending what was refused, and
 * answers expectations, which Node would answer by itself.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { refusedRequestMs } from "../../core/limits.js";
import { OpenAnswers } from "./open-answers.js";
import { endWithProblem } from "./problem-reply.js";

/** To be called before the server listens. */
export function watchConnections(server: Server, clock: Clock): OpenAnswers {
  const openAnswers = new OpenAnswers(clock);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    openAnswers.begin(request, response);
    response.once("close", () => openAnswers.end(request, response));
    response.once("finish", () => {
      if (!request.complete) letGo(request, clock);
    });
  });
  server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    endWithProblem(response, new ShardgateError("BAD_REQUEST", "Only `Expect: 100-continue` is supported."));
  });
  return openAnswers;
}

/** The answer is sent; the client may finish its request, to read the answer and to send the next one. */
function letGo(request: IncomingMessage, clock: Clock): void {
  const cancel = clock.after(refusedRequestMs, () => request.socket.destroy());
  request.once("close", cancel);
  request.socket.once("close", cancel);
}
