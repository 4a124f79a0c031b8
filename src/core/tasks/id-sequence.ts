/** Ids for the requests and batches of one process, short enough for every log line. */

/** Draws ids that no other call of this process gets; those of two processes differ unless they began in one millisecond. */
export function idSequence(startedAtMs: number, prefix = ""): () => string {
  const start = `${prefix}${startedAtMs.toString(36)}-`;
  let count = 0;
  return () => start + (++count).toString(36);
}
