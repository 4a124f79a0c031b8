/** The log of one request: adds the request's id to every line. */
import type { Log } from "../../../core/log.js";

export class RequestLog {
  readonly requestId: string;
  readonly #log: Pick<Log, "debug" | "warn" | "error">;

  constructor(log: Pick<Log, "debug" | "warn" | "error">, requestId: string) {
    this.#log = log;
    this.requestId = requestId;
  }

  debug(facts: object, message: string): void {
    this.#log.debug({ requestId: this.requestId, ...facts }, message);
  }

  warn(facts: object, message: string): void {
    this.#log.warn({ requestId: this.requestId, ...facts }, message);
  }

  error(facts: object, message: string): void {
    this.#log.error({ requestId: this.requestId, ...facts }, message);
  }
}
