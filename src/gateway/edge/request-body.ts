/** Reads a request's body up to a bound, whether or not its length was announced, as long as there is memory for it. */
import { ShardgateError } from "../../core/error.js";
import type { OpenRequest } from "./open-request.js";

/**
 * Rejects with BODY_TOO_LARGE, OVERLOADED, TOO_MANY_REQUESTS or REQUEST_TIMEOUT as soon as that is certain. The rest of
 * the body is discarded, so that the client can read the answer; if the client keeps sending, its connection is
 * destroyed.
 */
export function readBody(open: OpenRequest, bytesMax: number): Promise<Buffer> {
  const { request, response } = open;
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | null = [];
    let bytes = 0;
    const refuse = (error: ShardgateError): void => {
      chunks = null;
      open.endBody();
      reject(error);
    };
    const announced = Number(request.headers["content-length"] ?? 0);
    const refusal = announced > bytesMax ? tooLarge(bytesMax) : open.bodyRefusal(announced);
    if (refusal !== null) return refuse(refusal);
    if (open.awaitsContinue) response.writeContinue();
    open.beginBody(refuse);
    const take = (chunk: Buffer): void => {
      if (chunks === null) return;
      bytes += chunk.length;
      const refusal = bytes > bytesMax ? tooLarge(bytesMax) : open.holdBody(chunk.length);
      if (refusal === null) chunks.push(chunk);
      else refuse(refusal);
    };
    const finish = (): void => {
      open.endBody();
      if (chunks !== null) resolve(joined(chunks));
    };
    process.nextTick(() => {
      // Most bodies arrive together with their heads. A complete body is taken at once, without stream events.
      if (request.complete && request.readableLength > 0) {
        take(request.read() as Buffer);
        return finish();
      }
      request.on("data", take);
      request.once("end", finish);
    });
  });
}

function tooLarge(bytesMax: number): ShardgateError {
  return new ShardgateError("BODY_TOO_LARGE", `The body is longer than ${bytesMax} bytes.`);
}

/** Most bodies arrive in one chunk, which need not be copied. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}
