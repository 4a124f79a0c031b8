/** A log that keeps its lines, so that a test can ask what was logged. */
import type { Log } from "../../src/core/log.js";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export class RecordLog implements Log {
  readonly lines: LogLine[] = [];

  debug(facts: object, message: string): void {
    this.#add("debug", facts, message);
  }
  info(facts: object, message: string): void {
    this.#add("info", facts, message);
  }
  warn(facts: object, message: string): void {
    this.#add("warn", facts, message);
  }
  error(facts: object, message: string): void {
    this.#add("error", facts, message);
  }

  #add(level: LogLine["level"], facts: object, message: string): void {
    this.lines.push({ level, facts: { ...facts }, message });
  }
}
