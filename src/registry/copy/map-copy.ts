/**
 * The cluster map as one process knows it: a copy in memory, kept up to date from the store, and replaced there by
 * compare-and-set on what was read or written last. The copy never goes back to an older version: a store that does is
 * rewound until it is repaired. What a change means, and whether this process may make it, is for registry.ts to decide.
 */
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { SharedRun } from "../../core/tasks/shared-run.js";
import { AssignmentHistory, recordOfChanges } from "../assignment-log.js";
import type { AssignmentChange, ClusterMap, MapLeader } from "../cluster-map.js";
import type { Changed } from "../commands.js";
import { descentOf, isRepair, isSameReign, type KnownText } from "./map-descent.js";
import type { RegistryStore, StoredDocument, StoredRegistry, StoreMark } from "../registry-store.js";
import { documentOf, mapOf, type ReadMap } from "../stored-cluster-map.js";

/** What is written at once. */
export interface Replacement {
  readonly document: StoredDocument;
  readonly record: string | null;
}

/** What a store has that lost changes which this process knows; null: nothing. */
interface Rewound {
  readonly map: ClusterMap | null;
  readonly mark: StoreMark | null;
}

export class MapCopy {
  readonly #store: RegistryStore;
  readonly #log: Log;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  /** Hears of the leader in each map that the store is found to have. */
  readonly #named: (leader: MapLeader | null) => void;
  readonly #unwatch: () => void;
  readonly #history: AssignmentHistory;
  #known: KnownText;
  #beat: number;
  /** Read from a document of 0.1.0, and not in the store's log yet. */
  #unlogged: readonly AssignmentChange[];
  #rewound: Rewound | null = null;
  #isReachable = true;
  /** A call of the store failed, or this process stood still: what it knows may be outdated. */
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
    this.#known = { map, text };
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
    return this.#known.map;
  }

  /** What the store was last found at; null: empty. */
  get mark(): StoreMark | null {
    return this.#rewound === null ? { version: this.map.version, beat: this.#beat } : this.#rewound.mark;
  }

  /** Null while the store has all changes that this process knows of. */
  get rewound(): Pick<Rewound, "map"> | null {
    return this.#rewound;
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

  /** What is known here may be outdated: it is read anew before it is next relied on. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Reads the store if what is known here is in doubt. To be called before each write, which relies on it. */
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
    this.#rewound = null;
    this.#unlogged = [];
    // A load that found this write before it was done has them from the log.
    if (map.version > this.map.version) this.#history.add(changes);
    this.#adopt({ map, text: document.text });
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
    const isSame = this.#rewound === null && mark?.version === this.map.version && mark.beat >= this.#beat;
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
    const before = this.#known;
    const beatBefore = this.#beat;
    this.#isDoubtful = false;
    const stored = await this.#ask(() => this.#store.load());
    // Read before a write of this process that is done by now.
    if (this.#known !== before && (stored?.version ?? 0) <= this.map.version) return this.map;
    if (stored === null || stored.version < this.map.version) return this.#noteRewound(stored);
    const isBeatOwn = this.#beat !== beatBefore;
    if (stored.version === this.map.version && stored.text === this.#known.text) {
      // One that was forked is in use until it is repaired.
      this.#rewound = this.#rewound?.map === this.map ? { map: this.map, mark: stored } : null;
      this.#beat = isBeatOwn ? Math.max(this.#beat, stored.beat) : stored.beat;
      return this.map;
    }
    return this.#take(stored);
  }

  /** Another map than the known one, of the same version or a newer one. */
  async #take(stored: StoredRegistry): Promise<ClusterMap> {
    const map = this.#checked(stored);
    const found = { map, text: stored.text };
    const descent = descentOf(found, this.#known);
    if (map.version === this.map.version) return this.#noteRewound(stored);
    const records = await this.#ask(() => this.#store.log());
    if (map.version <= this.map.version) return this.map;
    const isWhole = this.#rewound === null || isRepair(this.#rewound.map, map) || isSameReign(map, this.map);
    if (descent === "forked") this.#logRewound(stored);
    this.#rewound = descent === "forked" || !isWhole ? { map, mark: stored } : null;
    this.#beat = stored.beat;
    this.#history.reset(records);
    this.#adopt(found);
    return this.map;
  }

  /** The known map stays in use. */
  #noteRewound(stored: StoredRegistry | null): ClusterMap {
    // Once for each version that the store goes back to, not at each look.
    if (this.#rewound === null || this.#rewound.mark?.version !== stored?.version) this.#logRewound(stored);
    const map = stored === null ? null : this.#checked(stored);
    this.#rewound = { map, mark: stored };
    // A store that is empty takes the lead from nobody.
    if (map !== null) this.#named(map.leader);
    return this.map;
  }

  #logRewound(stored: StoredRegistry | null): void {
    const facts = { knownVersion: this.map.version, storedVersion: stored?.version ?? null };
    this.#log.warn(facts, stored === null ? mapLost : mapRewound);
  }

  #checked(stored: StoredRegistry): ClusterMap {
    const map = mapOf(stored);
    const { clusterId } = this.map;
    if (map.clusterId === clusterId || hasJoined(map, this.map)) return map;
    throw new ShardgateError(
      "CLUSTER_MISMATCH",
      `The registry store now has cluster ${map.clusterId} instead of ${clusterId}. Restart this process.`,
    );
  }

  #adopt(known: KnownText): void {
    const { map } = known;
    if (map.version <= this.map.version) return;
    this.#known = known;
    this.#named(map.leader);
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
