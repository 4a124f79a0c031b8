/**
 * The little of a structured logger that the code needs; pino's logger is one. Facts first, then one short sentence.
 * Parts of the program can have levels of their own: where the program is put together, each is given its own log.
 */

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The log of one part. Absent: all parts have this one. */
  of?(part: LogPart): Log;
}

/** Each with what its lines are about. What belongs to no part, such as start and stop, is logged at the general level. */
export const logParts = {
  requests: "each request that a gateway or storage node answers, and why one failed",
  access: "tokens and key sets, and the audit lines where --audit-log names no file",
  cluster: "the registry, the storage nodes a gateway knows, and who gets which shard",
  routing: "each batch to a storage node, retries, storage nodes that are avoided",
  membership: "how a storage node registers with its gateway",
  storage: "a storage node's shards: claims, reads, commits, expiry",
} as const satisfies Readonly<Record<string, string>>;

export type LogPart = keyof typeof logParts;

/** The log for `part` of the program. */
export function partLog(log: Log, part: LogPart): Log {
  return log.of?.(part) ?? log;
}
