/** The real log: pino, one JSON object a line. */
import { destination, pino, stdTimeFunctions, type DestinationStream } from "pino";
import type { Log, LogPart } from "../../../core/log.js";
import { parseLogLevels, type LogLevels } from "./log-level.js";

/**
 * A log that names its process in every line, with its number when it is one of several workers, and writes to `output`.
 * Lines of its parts name theirs in `part`.
 */
export function createLog(
  name: string,
  { level, parts }: Omit<LogLevels, "text">,
  output: DestinationStream,
  worker?: number,
): Log {
  const redact = { paths: secretPaths, censor: "[redacted]" };
  const log = pino(
    { base: { name, ...(worker !== undefined && { worker }) }, level, timestamp: stdTimeFunctions.isoTime, redact },
    output,
  );
  const of = (part: LogPart): Log => log.child<never>({ part }, { level: parts.get(part) ?? level });
  return Object.assign(log, { of });
}

/**
 * A log of its own in a file that is appended to, and readable only for who runs this program. Each line is written at
 * once. Throws the error of the file system; later ones go to `log`.
 */
export function openAuditLog(file: string, log: Log): { readonly log: Log; close(): void } {
  const output = destination({ dest: file, append: true, sync: true, mode: 0o600 });
  output.on("error", (error) => log.error({ err: error, file }, "The audit log cannot be written."));
  return { log: createLog("audit", parseLogLevels("info"), output), close: () => output.end() };
}

/** Our own log lines never contain these fields. Errors of libraries may contain them, with the request that failed. */
const secretNames = ["authorization", "proxy-authorization", "cookie", "set-cookie", "token", "password", "secret"];

const secretPaths = secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);
