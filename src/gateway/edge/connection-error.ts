/** Answers clients whose bytes are not an HTTP request, who send them too slowly, or who request a tunnel. */
import type { Socket } from "node:net";
import { ShardgateError } from "../../core/error.js";
import { problemText } from "../problem-answer.js";
import type { OpenRequests } from "./open-requests.js";

/** How long a client whose bytes are not HTTP may take to read the answer before its connection is destroyed. */
const gatewayLingerMs = 1_000;

/**
 * Answers on the bare socket, unless the socket is not writable or another answer is pending; ends the connection in
 * any case.
 */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  openRequests: OpenRequests,
): void {
  if (error.code !== "ECONNRESET" && openRequests.endBehindAnswers(socket)) return;
  if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
  else endSocket(socket, problemText(errorOf(error.code)));
}

/** Writes `text` and ends the connection. */
export function endSocket(socket: Socket, text: string): void {
  // A client that does not close its side would keep the connection open for ever.
  socket.setTimeout(gatewayLingerMs, () => socket.destroy());
  socket.end(text);
}

function errorOf(code: string | undefined): ShardgateError {
  if (code === "HPE_HEADER_OVERFLOW")
    return new ShardgateError("HEADERS_TOO_LARGE", "The request cannot be read: its URL and headers are too long.");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new ShardgateError("REQUEST_TIMEOUT", "The request cannot be read: it did not arrive in time.");
  return new ShardgateError("BAD_REQUEST", "The request cannot be read: it is not HTTP.");
}
