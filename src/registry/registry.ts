/**
 * The cluster map as one process knows it: a copy in memory, kept up to date from the store, and changed through it by
 * compare-and-set, as long as the map names this process as its leader. What a change means is decided in commands.ts. Here,
 * commands that wait share one write, and are repeated on a newer map when another process was faster. The copy never goes
 * back to an older version.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax, storageNodesMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import { SharedRun } from "../core/tasks/shared-run.js";
import { AssignmentHistory } from "./assignment-log.js";
import type { AssignmentChange, ClusterMap } from "./cluster-map.js";
import { appliedInTurn, lostEveryTry, notLeading, rejectAll, settle, tooLong, toStore } from "./command-batch.js";
import type { Waiting } from "./command-batch.js";
import type { RegistryCommand } from "./commands.js";
import type { RegistryStore } from "./registry-store.js";
import { mapOf, takeLead, type LedMap, type WantedCluster } from "./stored-cluster-map.js";

/** Commands that share one write of the registry: so many are carried out without a noticeable pause. */
export const registryBatchMax = 256;

/** Registry changes that wait for the one being written; every storage node may register at the same moment. */
export const registryQueueMax = 2 * storageNodesMax;

export interface RegistryOptions {
  /** Stays open when the registry is closed: its opener closes it afterwards. */
  readonly store: RegistryStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly wanted: WantedCluster;
  readonly newClusterId: () => string;
  /** Draws the id by which the map names this process as its leader. */
  readonly newLeaderId: () => string;
}

const mapOlder = "The registry store has an older cluster map than this process. The newer one stays in use.";
const mapLost =
  "The registry store has lost its cluster map. This process still has it, and writes it again with the next change.";

export class Registry {
  readonly #store: RegistryStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #leader: string;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  readonly #unwatch: () => void;
  readonly #history: AssignmentHistory;
  #map: ClusterMap;
  #beat: number;
  /** The store was found without a document, although this process knows one. */
  #isStoreEmpty = false;
  /** Commands that no write has taken up yet. */
  readonly #queue: Waiting[] = [];
  #unsettledCommands = 0;
  /** Settles, never rejecting, when the last write is done. */
  #write: Promise<unknown> = Promise.resolve();
  /** Settles, never rejecting, when no command waits; null while none does. */
  #work: Promise<void> | null = null;
  readonly #loads = new SharedRun(() => this.#load());

  /**
   * Reads the cluster map, or creates it when the store is empty, and takes the lead. Throws SHARD_COUNT_MISMATCH when the
   * stored number of shards or hash is another, CLUSTER_MISMATCH when the name is, BAD_REQUEST when what is wanted is not
   * allowed, and the store's errors.
   */
  static async open(options: RegistryOptions): Promise<Registry> {
    const { store, wanted, newClusterId, newLeaderId, clock } = options;
    const leader = newLeaderId();
    const led = await takeLead(store, wanted, { leader, newClusterId, nowMs: clock.nowMs() });
    const registry = new Registry(options, leader, led, await store.log());
    // For a change between that load and the watch.
    await registry.#refreshOrLog();
    return registry;
  }

  private constructor(
    { store, clock, log }: RegistryOptions,
    leader: string,
    { map, beat }: LedMap,
    records: readonly string[],
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#leader = leader;
    this.#map = map;
    this.#beat = beat;
    this.#history = new AssignmentHistory(map.shardCount);
    this.#history.reset(records);
    // A store may call for this process's own write before it is done: read then, it would be another process's.
    this.#unwatch = store.watch(() => void this.#write.then(() => this.#refreshOrLog()));
  }

  /** The newest version known here. */
  get map(): ClusterMap {
    return this.#map;
  }

  /** The newest changes of the shard's assignment, newest first, at most `assignmentHistoryMax`. */
  history(shard: number): readonly AssignmentChange[] {
    return this.#history.of(shard);
  }

  /**
   * Makes the change durable and resolves to a map that has it, and possibly later changes. Throws what `applyCommand` throws,
   * BAD_REQUEST when the map would be too long, REGISTRY_CONFLICT when another gateway leads or was faster every time,
   * OVERLOADED, and REGISTRY_UNAVAILABLE: then the change may have happened, which the next refresh shows.
   */
  execute(command: RegistryCommand): Promise<ClusterMap> {
    if (this.#unsettledCommands >= registryQueueMax) {
      const message = `${registryQueueMax} changes of the cluster map are waiting, which is the maximum.`;
      return Promise.reject(new ShardgateError("OVERLOADED", message));
    }
    this.#unsettledCommands++;
    const result = new Promise<ClusterMap>((resolve, reject) => {
      this.#queue.push({ command, resolve, reject });
      this.#work ??= this.#runQueue();
    });
    return result.finally(() => this.#unsettledCommands--);
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

  /** Stops watching and listening, and waits for the changes under way. Nothing may be called afterwards. */
  async close(): Promise<void> {
    this.#unwatch();
    this.#listeners.clear();
    await this.#work;
    await this.#loads.idle();
  }

  async #runQueue(): Promise<void> {
    // Commands of the same moment share the first write, too.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#run(this.#queue.splice(0, registryBatchMax));
    this.#work = null;
  }

  /** Settles every command of the batch. */
  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
        if (await this.#compareAndSet(batch)) return;
      }
      rejectAll(batch, lostEveryTry(this.#map));
    } catch (error) {
      rejectAll(batch, error);
    }
  }

  /** Resolves to false, with nothing settled, when the map known here was not the newest; by then it is. */
  async #compareAndSet(batch: readonly Waiting[]): Promise<boolean> {
    const before = this.#map;
    if (before.leader !== this.#leader) throw notLeading(before);
    const round = appliedInTurn(before, batch, this.#clock.nowMs());
    if (round.map === before) {
      // What this process has not heard of yet may make a refused command right.
      if (round.refusals.size > 0 && (await this.refresh()) !== before) return false;
      settle(batch, round);
      return true;
    }
    const stored = toStore(before, batch, round);
    if (stored === null) {
      if (batch.length === 1) throw tooLong();
      // Each alone, so that only those are refused that make the map too long.
      for (const waiting of batch) await this.#run([waiting]);
      return true;
    }
    const expected = this.#isStoreEmpty ? null : { version: before.version, beat: this.#beat };
    // It begins after `#write` is set, since the store may call its watchers at once.
    const write = Promise.resolve().then(() => this.#store.compareAndSet(expected, stored.document, stored.record));
    this.#write = write.catch(() => undefined);
    if (!(await write)) {
      await this.refresh();
      return false;
    }
    this.#isStoreEmpty = false;
    // A load that found this write before it was done has them from the log.
    if (round.map.version > this.#map.version) this.#history.add(round.changes);
    this.#adopt(round.map);
    settle(batch, round);
    return true;
  }

  async #load(): Promise<ClusterMap> {
    const before = this.#map;
    const stored = await this.#store.load();
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
    if (map.clusterId !== known.clusterId && map.leader !== this.#leader) {
      throw new ShardgateError(
        "CLUSTER_MISMATCH",
        `The registry store now has cluster ${map.clusterId} instead of ${known.clusterId}. Restart this process.`,
      );
    }
    const records = await this.#store.log();
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

  async #refreshOrLog(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#log.warn(
        { err: error },
        "The registry changed, but it cannot be read. The last known cluster map stays in use. Check the registry store.",
      );
    }
  }
}
