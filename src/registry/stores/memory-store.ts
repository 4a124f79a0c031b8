/**
 * A registry store that forgets everything when the process ends: the twin of the durable ones, for tests. Several
 * Registry instances may share one. It can be made to fail in the ways that a durable store fails.
 */
import { ShardgateError } from "../../core/error.js";
import { compactedLog } from "../assignment-log.js";
import {
  isSameMark,
  type RegistryStore,
  type StoredDocument,
  type StoredRegistry,
  type StoreMark,
} from "../registry-store.js";

/** A write or beat may fail before it happened, or be carried out and then not be confirmed; or another writer was faster. */
export type MemoryStoreFault =
  | "loadFails"
  | "markFails"
  | "logFails"
  | "writeFails"
  | "writeIsNotConfirmed"
  | "raceIsLost"
  | "beatFails"
  | "beatIsNotConfirmed"
  | "beatIsLost";

export class MemoryStore implements RegistryStore {
  #stored: StoredRegistry | null = null;
  #log: readonly LogEntry[] = [];
  /** How many records make the log worth compacting. */
  #recordsMax = recordsMin;
  readonly #listeners = new Set<() => void>();
  /** Each waits for the first call it fits, and happens once. */
  readonly #faults: MemoryStoreFault[] = [];

  injectFault(fault: MemoryStoreFault): void {
    this.#faults.push(fault);
  }

  async load(): Promise<StoredRegistry | null> {
    if (this.#takeFault("loadFails") !== null) throw unavailable("could not be read");
    return this.#stored;
  }

  async mark(): Promise<StoreMark | null> {
    if (this.#takeFault("markFails") !== null) throw unavailable("could not be read");
    return this.#stored === null ? null : { version: this.#stored.version, beat: this.#stored.beat };
  }

  async compareAndSet(expected: StoreMark | null, next: StoredDocument, logRecord: string | null): Promise<boolean> {
    const fault = this.#takeFault("writeFails", "writeIsNotConfirmed", "raceIsLost");
    if (fault === "writeFails") throw unavailable("could not be written");
    if (fault === "raceIsLost") return false;
    const isWritten = this.#set(expected, next, logRecord);
    if (fault === "writeIsNotConfirmed") throw unavailable("did not confirm a write");
    return isWritten;
  }

  async beat(expectedVersion: number): Promise<number | null> {
    const fault = this.#takeFault("beatFails", "beatIsNotConfirmed", "beatIsLost");
    if (fault === "beatFails") throw unavailable("could not be written");
    if (fault === "beatIsLost" || this.#stored?.version !== expectedVersion) return null;
    this.#stored = { ...this.#stored, beat: this.#stored.beat + 1 };
    if (fault === "beatIsNotConfirmed") throw unavailable("did not confirm a beat");
    return this.#stored.beat;
  }

  async log(): Promise<readonly string[]> {
    if (this.#takeFault("logFails") !== null) throw unavailable("could not be read");
    return this.#log.map(({ record }) => record);
  }

  watch(onChange: () => void): () => void {
    // A new object for each call, so that one function may watch twice.
    const listener = (): void => onChange();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #set(expected: StoreMark | null, { version, text }: StoredDocument, logRecord: string | null): boolean {
    const stored = this.#stored;
    if (!isSameMark(stored, expected)) return false;
    this.#stored = { version, text, beat: stored?.beat ?? 0 };
    // Records of this version and later ones are of a map that an older copy has replaced.
    if (stored !== null && version <= stored.version) this.#log = this.#log.filter((entry) => entry.version < version);
    if (logRecord !== null) this.#append({ version, record: logRecord });
    for (const listener of this.#listeners) listener();
    return true;
  }

  #append(entry: LogEntry): void {
    this.#log = [...this.#log, entry];
    if (this.#log.length <= this.#recordsMax) return;
    const records = compactedLog(this.#log.map(({ record }) => record));
    this.#log = this.#log.flatMap(({ version }, index) => {
      const record = records[index] ?? null;
      return record === null ? [] : [{ version, record }];
    });
    this.#recordsMax = Math.max(recordsMin, 2 * this.#log.length);
  }

  #takeFault(...fitting: readonly MemoryStoreFault[]): MemoryStoreFault | null {
    const fault = this.#faults.find((waiting) => fitting.includes(waiting));
    if (fault === undefined) return null;
    this.#faults.splice(this.#faults.indexOf(fault), 1);
    return fault;
  }
}

interface LogEntry {
  readonly version: number;
  readonly record: string;
}

const recordsMin = 1_000;

function unavailable(what: string): ShardgateError {
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The registry's memory store ${what}.`);
}
