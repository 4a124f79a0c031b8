/**
 * The progress of an import or export, on standard error: one line that is rewritten for a terminal, an occasional line
 * for a log.
 */
import type { Clock } from "../../core/clock.js";
import type { Output } from "../environment/environment.js";

const rewriteIntervalMs = 200;
const linesBetweenReports = 100_000;

export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  /** For example "imported". */
  readonly #verb: string;
  readonly #startedMs: number;
  #lastMs: number;
  #reported = 0;
  #isLineOpen = false;
  #lastNote = "";

  constructor(output: Output, clock: Clock, verb: string) {
    this.#output = output;
    this.#clock = clock;
    this.#verb = verb;
    this.#startedMs = clock.monotonicMs();
    this.#lastMs = this.#startedMs;
  }

  /** May be called often; writes rarely. */
  update(count: number): void {
    if (this.#output.isTTY !== true) {
      if (count - this.#reported < linesBetweenReports) return;
      this.#reported = count;
      this.#output.write(`${this.#text(count)}\n`);
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs < rewriteIntervalMs) return;
    this.#lastMs = nowMs;
    this.#isLineOpen = true;
    this.#output.write(`\r${this.#text(count)}\u001B[K`);
  }

  /** Writes a line of its own; repetitions are dropped. */
  note(text: string): void {
    if (text === this.#lastNote) return;
    this.#lastNote = text;
    this.line(text);
  }

  /** Writes a line of its own. */
  line(text: string): void {
    this.#output.write(`${this.#isLineOpen ? "\r\u001B[K" : ""}${text}\n`);
    this.#isLineOpen = false;
  }

  /** Writes the last line: how much in which time. */
  end(count: number): void {
    this.line(this.#text(count));
  }

  #text(count: number): string {
    const seconds = (this.#clock.monotonicMs() - this.#startedMs) / 1000;
    const entries = count === 1 ? "1 entry" : `${count.toLocaleString("en")} entries`;
    return `${this.#verb} ${entries} in ${seconds.toFixed(1)} s`;
  }
}
