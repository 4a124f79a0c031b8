/** Ids for the requests and batches of one process, short enough for every log line. */

/**
 * Creates a generator of ids that are unique within this process. Ids of two processes differ unless both started in
 * the same millisecond.
 */
export function idSequence(startedAtMs: number, prefix = ""): () => string {
  const start = `${prefix}${startedAtMs.toString(36)}-`;
  let count = 0;
  return () => start + (++count).toString(36);
}
