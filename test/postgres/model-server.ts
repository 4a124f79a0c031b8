/**
 * A PostgreSQL server as a model: it takes statements in order, each by itself as pg sends them, and the line to it can end at
 * any point. What `run` names is what a statement does; what it has committed can be looked at.
 */
import { PostgresFailure } from "../../src/postgres/postgres-failure.js";
import type { StatementAnswer } from "../../src/postgres/statement.js";
import type { TransactionLine } from "../../src/postgres/transaction.js";

interface Waiting {
  readonly text: string;
  readonly settle: (answer: StatementAnswer | PostgresFailure) => void;
}

export class ModelServer implements TransactionLine {
  readonly sent: string[] = [];
  readonly committed: string[] = [];
  /** Statements that the server refuses. */
  readonly refused: ReadonlySet<string>;
  readonly #waiting: Waiting[] = [];
  readonly #unanswered: Waiting[] = [];
  readonly #listeners = new Set<(failure: PostgresFailure) => void>();
  #state: "idle" | "open" | "aborted" = "idle";
  #writes: string[] = [];
  #end: PostgresFailure | null = null;

  constructor(refused: readonly string[] = []) {
    this.refused = new Set(refused);
  }

  send(text: string): Promise<StatementAnswer> {
    if (this.#end !== null) return Promise.reject(this.#end);
    this.sent.push(text);
    return new Promise((resolve, reject) => {
      const settle = (answer: StatementAnswer | PostgresFailure): void =>
        answer instanceof PostgresFailure ? reject(answer) : resolve(answer);
      this.#waiting.push({ text, settle });
    });
  }

  onEnd(listener: (failure: PostgresFailure) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Executes the next statement. Its answer is lost where the line ends before `isAnswered` would have been true. */
  execute(isAnswered = true): boolean {
    const next = this.#waiting.shift();
    if (next === undefined) return false;
    const answer = this.#answerTo(next.text);
    if (isAnswered && this.#unanswered.length === 0) next.settle(answer);
    else this.#unanswered.push(next);
    return true;
  }

  end(): void {
    if (this.#end !== null) return;
    this.#end = new PostgresFailure("the line has ended", { outcome: "nothing" });
    const lost = new PostgresFailure("the line has ended", { outcome: "unknown" });
    for (const listener of this.#listeners) listener(this.#end);
    for (const { settle } of [...this.#unanswered, ...this.#waiting]) settle(lost);
  }

  #answerTo(text: string): StatementAnswer | PostgresFailure {
    const isClosing = text === "COMMIT" || text === "ROLLBACK";
    if (this.refused.has(text) || (this.#state === "aborted" && !isClosing)) {
      if (this.#state === "open") this.#state = text === "COMMIT" ? "idle" : "aborted";
      if (this.#state === "idle") this.#writes = [];
      const sqlState = this.refused.has(text) ? "23505" : "25P02";
      return new PostgresFailure(`refused: ${text}`, { outcome: "nothing", sqlState });
    }
    if (text.startsWith("BEGIN")) this.#state = "open";
    else if (isClosing) return { command: this.#close(text), rows: [] };
    else if (text.startsWith("write") && this.#state === "open") this.#writes.push(text);
    else if (text.startsWith("write")) this.committed.push(text);
    return { command: text, rows: [{ text }] };
  }

  #close(text: string): string {
    const isDone = text === "COMMIT" && this.#state !== "aborted";
    if (isDone) this.committed.push(...this.#writes);
    this.#writes = [];
    this.#state = "idle";
    return isDone ? "COMMIT" : "ROLLBACK";
  }
}
