/** What a client gets whose bytes are no HTTP request, or who sends them too slowly. */
import type { Socket } from "node:net";
import { ShardgateError } from "../../core/error.js";
import { gatewayLingerMs } from "../../core/limits.js";
import type { OpenAnswers } from "../open-answers.js";
import { problemText } from "../problem-answer.js";

/** Answers on the bare socket, unless it cannot be written to or owes another answer, and ends the connection. */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  openAnswers: OpenAnswers,
): void {
  if (error.code === "ECONNRESET" || !socket.writable || openAnswers.isOwed(socket)) {
    socket.destroy();
    return;
  }
  // A client that does not close its side would keep the connection open for good.
  socket.setTimeout(gatewayLingerMs, () => socket.destroy());
  socket.end(problemText(new ShardgateError("BAD_REQUEST", `The request cannot be read: ${whyOf(error.code)}.`)));
}

function whyOf(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return "its headers are too long";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "it did not arrive in time";
  return "it is not HTTP";
}
