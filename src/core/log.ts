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
  requests: "requests to a gateway or storage node, and why they failed",
  access: "tokens and key sets; audit lines, too, without --audit-log",
  cluster: "the registry, states of storage nodes, shard assignments",
  routing: "batches to storage nodes, retries, circuit breakers",
  membership: "registration of a storage node with its gateway",
  storage: "a storage node's shards: claims, reads, commits, expiry",
} as const satisfies Readonly<Record<string, string>>;

export type LogPart = keyof typeof logParts;

/** The log for `part` of the program. */
export function partLog(log: Log, part: LogPart): Log {
  return log.of?.(part) ?? log;
}
