/**
 * The cluster map as one process knows it: a copy in memory, kept up to date from the store, and replaced there by
 * compare-and-set on what was read or written last. The copy never goes back to an older version: a store that does is
 * rewound until it is repaired. registry.ts decides what a change means, and whether this process may make it.
 */
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { SharedRun } from "../../core/tasks/shared-run.js";
import { AssignmentHistory, recordOfChanges } from "../assignment-log.js";
import type { AssignmentChange, ClusterMap, MapLeader } from "../cluster-map.js";
import type { Changed } from "../commands.js";
import { heldAfter, type HeldMap, type KnownText } from "./map-descent.js";
import type { RegistryStore, StoredDocument, StoredRegistry, StoreMark } from "../registry-store.js";
import { documentOf, mapOf, type ReadMap } from "../stored-cluster-map.js";

/** What is written at once. */
export interface Replacement {
  readonly document: StoredDocument;
  readonly record: string | null;
}

export class MapCopy {
  readonly #store: RegistryStore;
  readonly #log: Log;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  /** Called with the leader of each map that is read from the store. */
  readonly #named: (leader: MapLeader | null) => void;
  readonly #unwatch: () => void;
  readonly #history: AssignmentHistory;
  #held: HeldMap;
  /** Of the store, as last read or raised. */
  #beat: number;
  /** Read from a document of 0.1.0, and not in the store's log yet. */
  #unlogged: readonly AssignmentChange[];
  #isReachable = true;
  /** A call of the store failed, or this process was suspended: the copy may be outdated. */
  #isDoubtful = false;
  /** Settles, never rejecting, when the last write is done. */
  #write: Promise<unknown> = Promise.resolve();
  readonly #loads = new SharedRun(() => this.#load());

  constructor(
    parts: {
      readonly store: RegistryStore;
      readonly log: Log;
      readonly named: (leader: MapLeader | null) => void;
    },
    { map, beat, text, changes }: ReadMap,
    records: readonly string[],
  ) {
    const { store, log, named } = parts;
    this.#store = store;
    this.#log = log;
    this.#named = named;
    this.#held = { known: { map, text }, rewound: null };
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
    return this.#held.known.map;
  }

  /** The mark that was last read from the store; null: the store is empty. */
  get mark(): StoreMark | null {
    const { known, rewound } = this.#held;
    const map = rewound === null ? known.map : rewound.map;
    return map && { version: map.version, beat: this.#beat };
  }

  /** What the store has, if it lacks changes that this process knows of. */
  get rewound(): HeldMap["rewound"] {
    return this.#held.rewound;
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
    // A new object for each call, so that one function may listen twice.
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

  /** Marks the copy as possibly outdated: it is read anew before its next use for a write. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Reads the store if the copy may be outdated. To be called before each write. */
  async settleDoubt(): Promise<void> {
    if (this.#isDoubtful) await this.refresh();
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
    this.#unlogged = [];
    // A load that found this write before it was done has them from the log.
    if (map.version > this.map.version) this.#history.add(changes);
    this.#hold({
      known: map.version > this.map.version ? { map, text: document.text } : this.#held.known,
      rewound: null,
    });
    return true;
  }

  /** Raises the beat. Resolves to false when the store is at another version; by then the newest map is known. */
  async beat(): Promise<boolean> {
    const before = this.#beat;
    const beat = await this.#ask(() => this.#store.beat(this.map.version));
    if (beat !== null) this.#beat = beat;
    // Raised by another process, too: then the store may have another map under this version.
    if (beat !== before + 1) await this.refresh();
    return beat === before + 1;
  }

  /** Reads version and beat, and the map if it may be another. Throws the store's errors. */
  async readMark(): Promise<StoreMark | null> {
    const mark = await this.#ask(() => this.#store.mark());
    const isSame = this.rewound === null && mark?.version === this.map.version && mark.beat >= this.#beat;
    if (!isSame || this.#isDoubtful) await this.refresh();
    else if (mark !== null) this.#beat = Math.max(mark.beat, this.#beat);
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
      this.#isDoubtful = true;
      throw error;
    }
  }

  #replacementOf({ map, changes }: Changed): Replacement {
    return { document: documentOf(map), record: recordOfChanges([...this.#unlogged, ...changes]) };
  }

  async #load(): Promise<ClusterMap> {
    const { known } = this.#held;
    const beatBefore = this.#beat;
    this.#isDoubtful = false;
    const stored = await this.#ask(() => this.#store.load());
    // This was read before a write of this process that is done by now.
    if (this.#held.known !== known && (stored?.version ?? 0) <= this.map.version) return this.map;
    if (stored !== null && stored.version === this.map.version && this.#beat !== beatBefore) {
      this.#beat = Math.max(this.#beat, stored.beat);
    } else this.#beat = stored?.beat ?? 0;
    const found = stored === null ? null : this.#read(stored);
    if (found !== null && found.map.version > this.map.version) {
      const records = await this.#ask(() => this.#store.log());
      if (found.map.version <= this.map.version) return this.map;
      this.#history.reset(records);
    }
    const held = heldAfter(this.#held, found);
    this.#logRewound(held, found?.map ?? null);
    this.#hold(held);
    return this.map;
  }

  /** Once for each version that the store goes back to, not at each look. */
  #logRewound({ rewound }: HeldMap, stored: ClusterMap | null): void {
    if (rewound === null || (this.rewound !== null && this.rewound.map?.version === rewound.map?.version)) return;
    // The store continues with other changes than the known ones; that has been logged.
    if (this.rewound !== null && stored !== null && stored.version > this.map.version) return;
    const facts = { knownVersion: this.map.version, storedVersion: stored?.version ?? null };
    this.#log.warn(facts, stored === null ? mapLost : mapRewound);
  }

  #read(stored: StoredRegistry): KnownText {
    const { known } = this.#held;
    if (stored.version === known.map.version && stored.text === known.text) return known;
    const map = mapOf(stored);
    const { clusterId } = this.map;
    if (map.clusterId === clusterId || hasJoined(map, this.map)) return { map, text: stored.text };
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      `The registry store now has cluster ${map.clusterId} instead of ${clusterId}. Restart this process.`,
    );
  }

  #hold(held: HeldMap): void {
    const before = this.map;
    this.#held = held;
    const { known, rewound } = held;
    // A store that is empty takes the lead from no one.
    if (known.map !== before || (rewound !== null && rewound.map !== null))
      this.#named((rewound?.map ?? known.map).leader);
    if (known.map !== before) this.#tell(known.map);
  }

  #tell(map: ClusterMap): void {
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

const mapRewound =
  "The registry store has lost changes of the cluster map that this gateway knows. The known map stays in use, and the store is repaired.";
const mapLost =
  "The registry store has lost its cluster map. The known map stays in use, and is written to the store again.";

/** A cluster that was new, and became the one of the first store that has shards. */
function hasJoined(map: ClusterMap, known: ClusterMap): boolean {
  return isUntouched(known) && !isUntouched(map);
}

function isUntouched({ isRecovered, shards }: ClusterMap): boolean {
  return !isRecovered && shards.every(({ epoch }) => epoch === 0);
}
