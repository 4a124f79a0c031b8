/**
 * Whether this process leads the cluster: the newest map names it by an id that it drew. A lost id is never used again,
 * so that an older map in a restored store makes no process the leader.
 */
import type { Log } from "../core/log.js";
import type { MapLeader } from "./cluster-map.js";

export class Lead {
  readonly #log: Log;
  readonly #newId: () => string;
  /** The id under which this process leads, or that it has asked the store for; null: neither. */
  #id: string | null = null;
  #isHeld = false;
  readonly #listeners = new Set<(isLeading: boolean) => void>();

  constructor(log: Log, newId: () => string) {
    this.#log = log;
    this.#newId = newId;
  }

  /** Null unless this process leads. */
  get id(): string | null {
    return this.#isHeld ? this.#id : null;
  }

  /** The id to ask for. It stays the same until the map names another leader: an unanswered request may yet be granted. */
  soughtId(): string {
    this.#id ??= this.#newId();
    return this.#id;
  }

  /** To be called with the leader of each map that is read from the store. */
  named(leader: MapLeader | null): void {
    if (leader?.id !== this.#id) this.#id = null;
    this.#become(this.#id !== null);
  }

  giveUp(): void {
    this.#id = null;
    this.#become(false);
  }

  onChange(listener: (isLeading: boolean) => void): () => void {
    // A new object for each call, so that one function may listen twice.
    const own = (isLeading: boolean): void => listener(isLeading);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  close(): void {
    this.#listeners.clear();
  }

  #become(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    for (const listener of this.#listeners) {
      try {
        listener(isHeld);
      } catch (error) {
        this.#log.error(
          { err: error, isLeading: isHeld },
          "A listener failed on a change of the lead; this is a bug, please report `err`.",
        );
      }
    }
  }
}
