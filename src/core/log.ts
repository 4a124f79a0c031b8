/**
 * The subset of a structured logger that the code uses; pino's logger implements it. Facts come first, then one short
 * sentence. Parts of the program can have log levels of their own: each part gets its own log when the program is
 * composed.
 */

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The log of one part. Absent: this log serves all parts. */
  of?(part: LogPart): Log;
}

/**
 * Each part with the subject of its lines. Lines that belong to no part, such as start and stop, use the general level.
 */
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
