/**
 * One transaction over a session that sends each statement at once. Statements that do not wait for each other share a
 * round trip, BEGIN and COMMIT included. It ends in one of three ways: committed, nothing written, or unknown, which is
 * possible only once COMMIT was sent.
 *
 * The server takes each statement by itself, and would also run those whose BEGIN failed. So what may write is sent only
 * after the answer to BEGIN; statements that begin with SELECT leave together with it.
 */
import { PostgresFailure, withOutcome } from "./postgres-failure.js";
import type { Query, StatementAnswer } from "./statement.js";

/** "snapshot": everything is read as of one moment, and nothing can be written. */
export type TransactionMode = "write" | "snapshot";

/**
 * What a transaction does. It must not issue statements after it has settled, and need not wait for those whose rows it
 * does not use: one that fails ends the transaction all the same.
 */
export type TransactionWork<Result> = (query: Query) => Promise<Result>;

/** Where the statements of a transaction go. */
export interface TransactionLine {
  send(text: string, values: readonly unknown[]): Promise<StatementAnswer>;
  /** Calls `listener` once nothing is answered any more. Returns the function that removes it. */
  onEnd(listener: (failure: PostgresFailure) => void): () => void;
}

/** Rejects with what `work` threw, after ROLLBACK, or with PostgresFailure. */
export async function runTransaction<Result>(
  line: TransactionLine,
  mode: TransactionMode,
  work: TransactionWork<Result>,
): Promise<Result> {
  const transaction = new Transaction(line, mode);
  let result: Result;
  try {
    result = await transaction.perform(work);
  } catch (error) {
    await transaction.rollBack();
    throw error;
  }
  await transaction.commit();
  return result;
}

const begins: Readonly<Record<TransactionMode, string>> = {
  // The session's isolation is READ COMMITTED. READ WRITE would override a server that is set to read only.
  write: "BEGIN",
  snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};

class Transaction {
  readonly #line: TransactionLine;
  readonly #mode: TransactionMode;
  /** Settles, never rejecting, when BEGIN was answered and what waited for that was sent. */
  readonly #begun: Promise<void>;
  #isBegun = false;
  /** Sends the statements that wait until BEGIN was answered, in order. */
  #held: (() => void)[] = [];
  /** The answers to all statements; none rejects. */
  readonly #answers: Promise<unknown>[] = [];
  #isOver = false;
  /** The first failure: the server rolls back, and every later statement fails because of this one. */
  #failure: PostgresFailure | null = null;

  constructor(line: TransactionLine, mode: TransactionMode) {
    this.#line = line;
    this.#mode = mode;
    this.#begun = this.#begin();
  }

  /** `work`, or a rejection as soon as the line has ended. */
  async perform<Result>(work: TransactionWork<Result>): Promise<Result> {
    let ignoreEnd = ignore;
    const lost = new Promise<never>((_, reject) => {
      ignoreEnd = this.#line.onEnd((failure) => reject(this.#failure ?? failure));
    });
    const done = work((text, values = []) => {
      const rows = this.#query(text, values);
      // A statement that `work` does not wait for must not end the process when it fails. No rows are kept.
      this.#answers.push(rows.then(ignore, ignore));
      return rows;
    });
    try {
      return await Promise.race([done, lost]);
    } finally {
      this.#isOver = true;
      ignoreEnd();
    }
  }

  async rollBack(): Promise<void> {
    this.#failure ??= new PostgresFailure("the transaction was rolled back", { outcome: "nothing" });
    // Where this fails the session has ended, and the server rolls back by itself.
    await this.#line.send("ROLLBACK", []).catch(ignore);
  }

  async commit(): Promise<void> {
    if (this.#held.length > 0) await this.#begun;
    if (this.#failure !== null) {
      await this.rollBack();
      throw this.#failure;
    }
    const committed = await this.#line.send("COMMIT", []).catch(failureIn);
    await Promise.all([this.#begun, ...this.#answers]);
    if (committed instanceof PostgresFailure) throw this.#refusal() ?? committed;
    if (this.#failure !== null) throw this.#failure;
    if (committed.command !== "COMMIT") throw new PostgresFailure("the server rolled back", { outcome: "nothing" });
  }

  async #begin(): Promise<void> {
    await this.#send(begins[this.#mode], []).catch(ignore);
    this.#isBegun = true;
    for (const send of this.#held.splice(0)) send();
  }

  async #query(text: string, values: readonly unknown[]): ReturnType<Query> {
    if (this.#isOver) throw new Error(`the transaction was over before this statement: ${text}`);
    const answer = this.#mayLeave(text)
      ? this.#send(text, values)
      : new Promise<StatementAnswer>((resolve, reject) => {
          this.#held.push(() => void this.#send(text, values).then(resolve, reject));
        });
    return (await answer).rows;
  }

  #mayLeave(text: string): boolean {
    return this.#isBegun || this.#mode === "snapshot" || (this.#held.length === 0 && text.startsWith("SELECT"));
  }

  async #send(text: string, values: readonly unknown[]): Promise<StatementAnswer> {
    if (this.#failure !== null) throw this.#failure;
    try {
      return await this.#line.send(text, values);
    } catch (error) {
      if (!(error instanceof PostgresFailure)) throw error;
      this.#failure ??= withOutcome(error, "nothing");
      throw this.#failure;
    }
  }

  /** The failure, where the server has answered it: then COMMIT did nothing, whether it was answered or not. */
  #refusal(): PostgresFailure | null {
    return this.#failure?.sqlState == null ? null : this.#failure;
  }
}

function failureIn(error: unknown): PostgresFailure {
  if (error instanceof PostgresFailure) return error;
  throw error;
}

function ignore(): void {}
