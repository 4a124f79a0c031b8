/** From which level on lines are logged: one level, and others for single parts of the program, as `info,routing=debug`. */
import { InvalidArgumentError, type Option } from "commander";
import { logParts, type LogPart } from "../../../core/log.js";
import { option } from "../../options/option.js";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** From which level on lines are written; "silent" writes none. */
export type LogLevel = (typeof logLevels)[number];

export interface LogLevels {
  /** The option's text, to be passed to another process. */
  readonly text: string;
  /** The level of parts that have no level of their own. */
  readonly level: LogLevel;
  readonly parts: ReadonlyMap<LogPart, LogLevel>;
}

export function logLevelOption(): Option {
  const description =
    "lowest level that is logged to standard error; append `,PART=LEVEL` for a part of the program: " +
    Object.keys(logParts).join(", ");
  return option("--log-level <level>", description)
    .choices(logLevels)
    .argParser(parseLogLevels)
    .default(parseLogLevels("info"), "info");
}

/** Throws InvalidArgumentError. */
export function parseLogLevels(text: string): LogLevels {
  const parts = new Map<LogPart, LogLevel>();
  let general: LogLevel | null = null;
  for (const item of text.split(",")) {
    const [name = "", level, ...rest] = item.trim().split("=");
    if (rest.length > 0) throw refused(item);
    if (level !== undefined) {
      if (!isPart(name) || parts.has(name)) throw refused(item);
      parts.set(name, levelOf(level, item));
    } else if (general === null) general = levelOf(name, item);
    else throw refused(item);
  }
  return { text, level: general ?? "info", parts };
}

function levelOf(text: string, item: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level === undefined) throw refused(item);
  return level;
}

function isPart(name: string): name is LogPart {
  return Object.hasOwn(logParts, name);
}

function refused(item: string): InvalidArgumentError {
  const levels = logLevels.join(", ");
  const parts = Object.keys(logParts).join(", ");
  return new InvalidArgumentError(
    `${JSON.stringify(item)} is not one of the levels (${levels}), once, or PART=LEVEL, each part once; parts are ${parts}.`,
  );
}
