/** The real log: pino, one JSON object a line. */
import { destination, pino, stdTimeFunctions, type DestinationStream } from "pino";
import type { Log } from "../core/log.js";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** From which level on lines are written; "silent" writes none. */
export type LogLevel = (typeof logLevels)[number];

/** A log that names its process in every line, with its number when it is one of several workers, and writes to `output`. */
export function createLog(name: string, level: LogLevel, output: DestinationStream, worker?: number): Log {
  const redact = { paths: secretPaths, censor: "[redacted]" };
  return pino(
    { base: { name, ...(worker !== undefined && { worker }) }, level, timestamp: stdTimeFunctions.isoTime, redact },
    output,
  );
}

/**
 * A log of its own in a file that is appended to, and readable only for who runs this program. Each line is written at
 * once. Throws the error of the file system; later ones go to `log`.
 */
export function openAuditLog(file: string, log: Log): { readonly log: Log; close(): void } {
  const output = destination({ dest: file, append: true, sync: true, mode: 0o600 });
  output.on("error", (error) => log.error({ err: error, file }, "The audit log cannot be written."));
  return { log: createLog("audit", "info", output), close: () => output.end() };
}

/** No line has them on purpose. This is for errors of libraries, which may carry the request that failed. */
const secretNames = ["authorization", "proxy-authorization", "cookie", "set-cookie", "token", "password", "secret"];

const secretPaths = secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);
