/** The real log: pino, one JSON object a line. */
import { pino, stdTimeFunctions, type DestinationStream } from "pino";
import type { Log } from "../core/log.js";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** From which level on lines are written; "silent" writes none. */
export type LogLevel = (typeof logLevels)[number];

/** A log that names its process in every line and writes to `output`. */
export function createLog(name: string, level: LogLevel, output: DestinationStream): Log {
  return pino({ base: { name }, level, timestamp: stdTimeFunctions.isoTime }, output);
}
