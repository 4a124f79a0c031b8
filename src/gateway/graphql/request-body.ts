/** Reads a request's body up to a bound, whether or not its length was announced. */
import type { IncomingMessage } from "node:http";
import { ShardgateError } from "../../core/error.js";
import { bodyBytesDiscardedMax } from "../../core/limits.js";

/**
 * Rejects with BODY_TOO_LARGE as soon as there are more than `bytesMax` bytes. What still comes is thrown away, so that
 * the client gets to read the answer, and the connection is cut when it sends much more.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      chunks = [];
      reject(new ShardgateError("BODY_TOO_LARGE", `The body is longer than ${bytesMax} bytes.`));
      if (bytes > bytesMax + bodyBytesDiscardedMax) request.destroy();
    });
    const goneAway = (): void =>
      reject(new ShardgateError("BAD_REQUEST", "The client went away while sending the body."));
    request.once("end", () => {
      request.off("close", goneAway);
      resolve(Buffer.concat(chunks));
    });
    request.once("error", goneAway);
    request.once("close", goneAway);
  });
}
