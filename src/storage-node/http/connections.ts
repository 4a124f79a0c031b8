/**
 * Manages the connections of a storage node's server, so that none is occupied for long or answered without an error
 * code: tracks which answers are pending, disconnects clients that keep sending a refused request, and answers
 * expectations, which Node would otherwise answer itself.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { refusedRequestMs } from "../../core/limits.js";
import { OpenAnswers } from "./open-answers.js";
import { endWithProblem } from "./problem-reply.js";

/** Call before the server listens. */
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

/**
 * The answer has been sent. The client gets a while to finish its request, so that it can read the answer and send the
 * next request.
 */
function letGo(request: IncomingMessage, clock: Clock): void {
  const cancel = clock.after(refusedRequestMs, () => request.socket.destroy());
  request.once("close", cancel);
  request.socket.once("close", cancel);
}
