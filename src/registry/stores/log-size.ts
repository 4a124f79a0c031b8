/**
 * The length of a log that a store on servers keeps, as far as this process knows it, and when the log is compacted: each
 * time it has twice the length that it had after the last time.
 */
import { ShardgateError } from "../../core/error.js";
import { registryLogBytesMin } from "../../core/limits.js";

export interface SizedLog {
  /** Reads the whole log, and reports it to `LogSize.read`. */
  readonly read: () => Promise<unknown>;
  /** Makes the log shorter. */
  readonly compact: () => Promise<void>;
}

export class LogSize {
  readonly #log: SizedLog;
  /** Null: not read yet. */
  #bytes: number | null = null;
  #bytesMax = registryLogBytesMin;

  constructor(log: SizedLog) {
    this.#log = log;
  }

  /** The log was read, and has these records. */
  read(records: readonly string[]): void {
    this.#bytes = records.reduce((bytes, record) => bytes + Buffer.byteLength(record), 0);
  }

  /**
   * A change was stored with this record (null: without one). A log that cannot be compacted now is compacted after a later
   * change: the change itself is stored.
   */
  async grew(record: string | null): Promise<void> {
    if (record === null) return;
    try {
      if (this.#bytes === null) await this.#log.read();
      else this.#bytes += Buffer.byteLength(record);
      if ((this.#bytes ?? 0) > this.#bytesMax) await this.#compact();
    } catch (error) {
      if (!(error instanceof ShardgateError)) throw error;
    }
  }

  async #compact(): Promise<void> {
    await this.#log.compact();
    await this.#log.read();
    this.#bytesMax = Math.max(registryLogBytesMin, 2 * (this.#bytes ?? 0));
  }
}
