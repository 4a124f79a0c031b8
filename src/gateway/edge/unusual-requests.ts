/**
 * Handles unusual requests: with a whole URL as their target, without a host or with two, with hundreds of headers,
 * with an expectation, or for a tunnel. Node would misinterpret some of them, and answer some without an error code.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ShardgateError } from "../../core/error.js";
import { endWithProblem, problemText } from "../problem-answer.js";
import { transferEncodingRefusal } from "../../wire/transfer-encoding.js";
import { endSocket } from "./connection-error.js";

/**
 * Most headers of a request; browsers behind a few proxies send forty. Node would silently drop some beyond its own
 * bound.
 */
export const gatewayHeadersMax = 100;

/** A request target that is a whole URL, split into its parts (RFC 9112, 3.2.2). */
export interface Target {
  /** `/path?query`. */
  readonly form: string;
  /** The host and port, which take precedence over the `Host` header. */
  readonly host: string;
}

/** Null when the target is not a whole URL; it is then used unchanged. */
export function targetOf(target: string): Target | null {
  if (target.startsWith("/")) return null;
  const [, host, rest] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  if (host === undefined || rest === undefined) return null;
  return { form: rest.startsWith("/") ? rest : `/${rest}`, host };
}

/**
 * BAD_REQUEST, HEADERS_TOO_LARGE or TRANSFER_ENCODING_NOT_SUPPORTED when a request with these headers is refused, else
 * null.
 */
export function headersRefusal({ headers, rawHeaders, httpVersion }: IncomingMessage): ShardgateError | null {
  if (rawHeaders.length > 2 * gatewayHeadersMax) {
    return new ShardgateError("HEADERS_TOO_LARGE", `The request has more than ${gatewayHeadersMax} headers.`);
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion === "1.0")) {
    return transferEncodingRefusal(headers["transfer-encoding"]);
  }
  // RFC 9112, 3.2. With two hosts, a proxy in front may have chosen the other one.
  const what = hosts === 0 ? "no `Host` header" : "more than one `Host` header";
  return new ShardgateError("BAD_REQUEST", `The request has ${what}.`);
}

/** Answers the requests that Node would answer without an error code, or not at all. */
export function answerUnusual(server: Server): void {
  server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    endWithProblem(response, new ShardgateError("BAD_REQUEST", "Only `Expect: 100-continue` is supported."));
  });
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    const error = new ShardgateError("METHOD_NOT_ALLOWED", "CONNECT is not supported.");
    endSocket(socket, problemText(error, { allow: "GET, HEAD, POST, PUT, DELETE" }));
  });
}
