/** Which transfer codings a request's body may have: a length, or chunks, and nothing else (RFC 9112, 6.1). */
import { ShardgateError } from "../core/error.js";

/**
 * TRANSFER_ENCODING_NOT_SUPPORTED for a `Transfer-Encoding` such as `gzip, chunked`, whose chunks could be read but not
 * their content. Null for all others: if `chunked` is not last, Node's parser refuses the request with 400.
 */
export function transferEncodingRefusal(header: string | undefined): ShardgateError | null {
  if (header === undefined || !/,\s*chunked\s*$/i.test(header)) return null;
  const message = `Transfer-Encoding ${JSON.stringify(header.slice(0, 64))} is not understood; only \`chunked\` is.`;
  return new ShardgateError("TRANSFER_ENCODING_NOT_SUPPORTED", message);
}
