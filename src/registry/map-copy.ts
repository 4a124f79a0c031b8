/**
 * The cluster map as one process knows it: a copy in memory, kept up to date from the store, and replaced there by
 * compare-and-set on what was read or written last. The copy never goes back to an older version. What a change means, and
 * whether this process may make it, is for registry.ts to decide.
 */
import { ShardgateError } from "../core/error.js";
import type { Log } from "../core/log.js";
import { SharedRun } from "../core/tasks/shared-run.js";
import { AssignmentHistory, recordOfChanges } from "./assignment-log.js";
import type { AssignmentChange, ClusterMap } from "./cluster-map.js";
import type { Changed } from "./commands.js";
import type { RegistryStore, StoredDocument, StoreMark } from "./registry-store.js";
import { documentOf, mapOf, type ReadMap } from "./stored-cluster-map.js";

/** What is written at once. */
export interface Replacement {
  readonly document: StoredDocument;
  readonly record: string | null;
}

const mapOlder = "The registry store has an older cluster map than this process. The newer one stays in use.";
const mapLost =
  "The registry store has lost its cluster map. This process still has it, and writes it again with the next change.";

export class MapCopy {
  readonly #store: RegistryStore;
  readonly #log: Log;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  readonly #unwatch: () => void;
  readonly #history: AssignmentHistory;
  #map: ClusterMap;
  #beat: number;
  /** Read from a document of 0.1.0, and not in the store's log yet. */
  #unlogged: readonly AssignmentChange[];
  /** The store was found without a document, although this process knows one. */
  #isStoreEmpty = false;
  #isReachable = true;
  /** Settles, never rejecting, when the last write is done. */
  #write: Promise<unknown> = Promise.resolve();
  readonly #loads = new SharedRun(() => this.#load());

  constructor(
    { store, log }: { readonly store: RegistryStore; readonly log: Log },
    { map, beat, changes }: ReadMap,
    records: readonly string[],
  ) {
    this.#store = store;
    this.#log = log;
    this.#map = map;
    this.#beat = beat;
    this.#unlogged = changes;
    this.#history = new AssignmentHistory(map.shardCount);
    this.#history.reset(records);
    this.#history.add(changes);
    // A store may call for this process's own write before it is done: read then, it would be another process's.
    this.#unwatch = store.watch(() => void this.#write.then(() => this.refreshOrLog()));
  }

  /** The newest version known here. */
  get map(): ClusterMap {
    return this.#map;
  }

  /** What the store was last known to be at; null: empty. */
  get mark(): StoreMark | null {
    return this.#isStoreEmpty ? null : { version: this.#map.version, beat: this.#beat };
  }

  /** Whether the last call of the store was answered. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  history(shard: number): readonly AssignmentChange[] {
    return this.#history.of(shard);
  }

  /** Calls `listener` with each newer map; returns the function that stops it. What it throws is logged. */
  onChange(listener: (map: ClusterMap) => void): () => void {
    // Of its own, so that one function may listen twice.
    const own = (map: ClusterMap): void => listener(map);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Reads the store, beginning no earlier than now, and resolves to the newest map known. Throws the store's errors. */
  refresh(): Promise<ClusterMap> {
    return this.#loads.next();
  }

  async refreshOrLog(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#log.warn(
        { err: error },
        "The registry changed, but it cannot be read. The last known cluster map stays in use. Check the registry store.",
      );
    }
  }

  /**
   * Writes the changed map, if the store is still at the mark known here. Resolves to false, with nothing written, when it
   * is not; by then the newest map is known. Throws the store's errors: then the write may have happened.
   */
  async replace({ map, changes }: Changed, replacement = this.#replacementOf({ map, changes })): Promise<boolean> {
    const { mark } = this;
    const { document, record } = replacement;
    // It begins after `#write` is set, since the store may call its watchers at once.
    const write = Promise.resolve().then(() => this.#ask(() => this.#store.compareAndSet(mark, document, record)));
    this.#write = write.catch(() => undefined);
    if (!(await write)) {
      await this.refresh();
      return false;
    }
    this.#isStoreEmpty = false;
    this.#unlogged = [];
    // A load that found this write before it was done has them from the log.
    if (map.version > this.#map.version) this.#history.add(changes);
    this.#adopt(map);
    return true;
  }

  /** Raises the beat. Resolves to false when the store is at another version; by then the newest map is known. */
  async beat(): Promise<boolean> {
    const beat = await this.#ask(() => this.#store.beat(this.#map.version));
    if (beat === null) await this.refresh();
    else this.#beat = beat;
    return beat !== null;
  }

  /** Reads version and beat, and the map when it is another version. Throws the store's errors. */
  async readMark(): Promise<StoreMark | null> {
    const mark = await this.#ask(() => this.#store.mark());
    const { version } = this.#map;
    if (mark === null || mark.version !== version) await this.refresh();
    else if (mark.beat > this.#beat) this.#beat = mark.beat;
    return mark;
  }

  /** Stops watching and listening. */
  async close(): Promise<void> {
    this.#unwatch();
    this.#listeners.clear();
    await this.#write;
    await this.#loads.idle();
  }

  async #ask<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await call();
      this.#isReachable = true;
      return answer;
    } catch (error) {
      this.#isReachable = false;
      throw error;
    }
  }

  #replacementOf({ map, changes }: Changed): Replacement {
    return { document: documentOf(map), record: recordOfChanges([...this.#unlogged, ...changes]) };
  }

  async #load(): Promise<ClusterMap> {
    const before = this.#map;
    const stored = await this.#ask(() => this.#store.load());
    const known = this.#map;
    // Read before a write of this process that is done by now.
    if (known !== before && (stored === null || stored.version < known.version)) return known;
    if (stored === null || stored.version < known.version) {
      const facts = { knownVersion: known.version, storedVersion: stored?.version ?? null };
      // The next change is written to it: what this process knows is all that is left.
      this.#isStoreEmpty = stored === null;
      this.#log.warn(facts, stored === null ? mapLost : mapOlder);
      return known;
    }
    this.#isStoreEmpty = false;
    this.#beat = stored.beat;
    if (stored.version === known.version) return known;
    const map = mapOf(stored);
    if (map.clusterId !== known.clusterId && !hasJoined(map, known)) {
      throw new ShardgateError(
        "CLUSTER_MISMATCH",
        `The registry store now has cluster ${map.clusterId} instead of ${known.clusterId}. Restart this process.`,
      );
    }
    const records = await this.#ask(() => this.#store.log());
    if (map.version > this.#map.version) this.#history.reset(records);
    this.#adopt(map);
    return this.#map;
  }

  #adopt(map: ClusterMap): void {
    if (map.version <= this.#map.version) return;
    this.#map = map;
    for (const listener of this.#listeners) {
      try {
        listener(map);
      } catch (error) {
        this.#log.error(
          { err: error, mapVersion: map.version },
          "A listener failed on a new cluster map; this is a bug, please report `err`.",
        );
      }
    }
  }
}

/** A cluster that was new, and became the one of the first store that has shards. */
function hasJoined(map: ClusterMap, known: ClusterMap): boolean {
  return isUntouched(known) && !isUntouched(map);
}

function isUntouched({ isRecovered, shards }: ClusterMap): boolean {
  return !isRecovered && shards.every(({ epoch }) => epoch === 0);
}
