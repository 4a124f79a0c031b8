/**
 * Reads HTTP/1.1 answers from the pieces in which they arrive, as cheaply as answers can be read: all that a load needs is
 * the status and how the body begins. Bodies have a content-length or are chunked; an answer that ends with its connection
 * is refused, as is one that nobody waits for.
 */

/** How much of a body's beginning is kept, in characters. */
const keptMax = 1024;
/** A head, or a line between two chunks, that is longer than this is no answer of any contestant. */
const headBytesMax = 64 * 1024;
const contentLength = /\r\ncontent-length: *(\d+)/i;
const chunked = /\r\ntransfer-encoding: *chunked/i;

/**
 * `push(piece)` takes what arrived, and calls `onAnswer({ status, start })` once for each whole answer; `start` is the
 * beginning of its body. A piece is not kept: it may be a buffer that is filled again. Throws when it is no answer.
 */
export function answerParser(onAnswer) {
  let unread = null;
  let state = "head";
  let status = 0;
  let start = "";
  let isChunked = false;
  /** Bytes of the body, or of a chunk and its line end, that are still to come. */
  let left = 0;

  function push(piece) {
    const bytes = unread === null ? piece : Buffer.concat([unread, piece]);
    unread = null;
    let at = 0;
    while (at < bytes.length) {
      if (left > 0) {
        at = skip(bytes, at);
      } else {
        const next = state === "head" ? readHead(bytes, at) : readLine(bytes, at);
        if (next < 0) {
          if (bytes.length - at > headBytesMax) throw new Error("An answer's head does not end.");
          unread = Buffer.from(bytes.subarray(at));
          return;
        }
        at = next;
      }
    }
  }

  function skip(bytes, at) {
    const end = Math.min(bytes.length, at + left);
    if (start.length < keptMax) {
      const dataEnd = Math.min(end, at + left - (isChunked ? 2 : 0), at + keptMax - start.length);
      if (dataEnd > at) start += bytes.latin1Slice(at, dataEnd);
    }
    left -= end - at;
    if (left === 0 && !isChunked) finish();
    return end;
  }

  function readHead(bytes, at) {
    const end = bytes.indexOf("\r\n\r\n", at, "latin1");
    if (end < 0) return -1;
    const head = bytes.latin1Slice(at, end);
    status = Number(head.slice(9, 12));
    if (!head.startsWith("HTTP/1.1 ") || !(status >= 200)) throw new Error(`This is no answer: ${head.slice(0, 200)}`);
    const length = contentLength.exec(head);
    isChunked = length === null && chunked.test(head);
    if (isChunked) state = "size";
    else if (length !== null) left = Number(length[1]);
    else if (status !== 204 && status !== 304) throw new Error(`An answer's length is not said: ${head.slice(0, 500)}`);
    if (left === 0 && !isChunked) finish();
    return end + 4;
  }

  /** The size before a chunk; or, behind the last chunk, a trailer, of which an empty one ends the answer. */
  function readLine(bytes, at) {
    const end = bytes.indexOf("\r\n", at, "latin1");
    if (end < 0) return -1;
    if (state === "trailer") {
      if (end === at) finish();
      return end + 2;
    }
    const size = Number.parseInt(bytes.latin1Slice(at, end), 16);
    if (!(size >= 0)) throw new Error(`A chunk's size is ${JSON.stringify(bytes.latin1Slice(at, end).slice(0, 100))}.`);
    if (size === 0) state = "trailer";
    else left = size + 2;
    return end + 2;
  }

  function finish() {
    const answer = { status, start };
    state = "head";
    start = "";
    isChunked = false;
    onAnswer(answer);
  }

  return { push };
}
