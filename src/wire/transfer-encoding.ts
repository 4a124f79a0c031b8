/** How a request's body may be framed and coded: with its length, or in chunks, and in no other way (RFC 9112, 6.1). */
import { ShardgateError } from "../core/error.js";

/**
 * TRANSFER_ENCODING_NOT_SUPPORTED for a `Transfer-Encoding` such as `gzip, chunked`, of which the chunks can be read and
 * not what is in them. Null for all others: without chunks at its end, Node's parser refuses it with 400.
 */
export function transferEncodingRefusal(header: string | undefined): ShardgateError | null {
  if (header === undefined || !/,\s*chunked\s*$/i.test(header)) return null;
  const message = `Transfer-Encoding ${JSON.stringify(header.slice(0, 64))} is not understood; only \`chunked\` is.`;
  return new ShardgateError("TRANSFER_ENCODING_NOT_SUPPORTED", message);
}
