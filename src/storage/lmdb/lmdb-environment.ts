/** Snapshots and transactions of an LMDB environment: how long they last, and how their failures are reported. */
import { ShardgateError } from "../../core/error.js";
import { UnderWay } from "../../core/tasks/under-way.js";
import type { Databases } from "./records/databases.js";
import { isGivenUp, storageError } from "./folder/failure.js";
import { formatKey } from "./records/record-format.js";

export class LmdbEnvironment {
  readonly #folder: string;
  readonly #databases: Databases;
  readonly #commits = new UnderWay();

  constructor(folder: string, databases: Databases) {
    this.#folder = folder;
    this.#databases = databases;
  }

  /** Runs `read` on the newest snapshot and releases the snapshot within the same turn of the event loop. */
  snapshot<T>(read: () => T): Promise<T> {
    try {
      return Promise.resolve(this.#readNow(read));
    } catch (error) {
      return storageError(error, this.#folder).then((failure) => Promise.reject(failure));
    }
  }

  /**
   * Runs `change` in one transaction and resolves once it is on disk. It is a child transaction because only those are
   * rolled back when `change` throws; the caller gets a thrown ShardgateError unchanged. Commits that arrive together
   * share one flush.
   */
  async commit<T>(change: () => T): Promise<T> {
    const { records } = this.#databases;
    let isDecided = false;
    try {
      // After MDB_PANIC a read fails, but a transaction would wait for ever.
      this.#isAlive();
      const commit = records.childTransaction(() => {
        const result = change();
        isDecided = true;
        return result;
      });
      this.#commits.begin();
      return await commit.finally(() => this.#commits.end());
    } catch (error) {
      const failure = await storageError(error, this.#folder);
      throw isDecided && this.#isGivenUp() ? outcomeUnknown(failure) : failure;
    }
  }

  async close(): Promise<void> {
    await this.#commits.idle();
    await this.#databases.root.close();
  }

  #readNow<T>(read: () => T): T {
    const { root } = this.#databases;
    root.resetReadTxn();
    try {
      return read();
    } finally {
      root.resetReadTxn();
    }
  }

  #isAlive(): void {
    this.#readNow(() => this.#databases.documents.get(formatKey));
  }

  /** LMDB panics exactly when it could neither write nor undo the page that makes a commit valid. */
  #isGivenUp(): boolean {
    try {
      this.#isAlive();
      return false;
    } catch (error) {
      return isGivenUp(error);
    }
  }
}

function outcomeUnknown(failure: ShardgateError): ShardgateError {
  const message = `${failure.message} Whether the change happened is unknown until the data are opened again.`;
  return new ShardgateError("OUTCOME_UNKNOWN", message, {}, failure);
}
