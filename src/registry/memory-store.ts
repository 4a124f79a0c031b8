/**
 * A registry store that forgets everything when the process ends: the twin of the durable ones, for tests. Several
 * Registry instances may share one. It can be told to fail in the ways that a durable store fails.
 */
import { ShardgateError } from "../core/error.js";
import type { RegistryStore, StoredDocument } from "./registry-store.js";

/** A write may fail before it happened, or be carried out and then not be confirmed; or another writer was faster. */
export type MemoryStoreFault = "loadFails" | "writeFails" | "writeIsNotConfirmed" | "raceIsLost";

export class MemoryStore implements RegistryStore {
  #document: StoredDocument | null = null;
  readonly #listeners = new Set<() => void>();
  /** Each waits for the first call it fits, and happens once. */
  readonly #faults: MemoryStoreFault[] = [];

  injectFault(fault: MemoryStoreFault): void {
    this.#faults.push(fault);
  }

  async load(): Promise<StoredDocument | null> {
    if (this.#takeFault("loadFails") !== null) throw unavailable("could not be read");
    return this.#document;
  }

  async compareAndSet(expectedVersion: number | null, next: StoredDocument): Promise<boolean> {
    const fault = this.#takeFault("writeFails", "writeIsNotConfirmed", "raceIsLost");
    if (fault === "writeFails") throw unavailable("could not be written");
    if (fault === "raceIsLost") return false;
    const isWritten = this.#set(expectedVersion, next);
    if (fault === "writeIsNotConfirmed") throw unavailable("did not confirm a write");
    return isWritten;
  }

  watch(onChange: () => void): () => void {
    // Of its own, so that one function may watch twice.
    const listener = (): void => onChange();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #set(expectedVersion: number | null, next: StoredDocument): boolean {
    if ((this.#document?.version ?? null) !== expectedVersion) return false;
    this.#document = { ...next };
    for (const listener of this.#listeners) listener();
    return true;
  }

  #takeFault(...fitting: readonly MemoryStoreFault[]): MemoryStoreFault | null {
    const fault = this.#faults.find((waiting) => fitting.includes(waiting));
    if (fault === undefined) return null;
    this.#faults.splice(this.#faults.indexOf(fault), 1);
    return fault;
  }
}

function unavailable(what: string): ShardgateError {
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The registry's memory store ${what}.`);
}
