/**
 * The registry as one process uses it: the newest cluster map, the commands that change it, and the lead, without which a
 * process changes nothing. What a command means is decided in commands.ts. Here, commands that wait share one write, and are
 * repeated on a newer map when another process was faster.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { mapVersionToldMax, registryAttemptsMax, storageNodesMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { AssignmentChange, ClusterMap, LeaderRecord } from "./cluster-map.js";
import { appliedInTurn, lostEveryTry, notLeading, rejectAll, settle, tooLong, toStore } from "./command-batch.js";
import type { Waiting } from "./command-batch.js";
import type { RegistryCommand } from "./commands.js";
import { MapCopy } from "./copy/map-copy.js";
import { Lead } from "./lead.js";
import { MapWriter, markedAsRestored } from "./map-writer.js";
import type { RegistryStore, StoreMark } from "./registry-store.js";
import { readOrCreate, type WantedCluster } from "./stored-cluster-map.js";

/** Commands that share one write of the registry: this many are executed without a noticeable pause. */
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
  /** Draws, at random, the ids by which the map names this process as its leader, and the marks of a restored registry. */
  readonly newLeaderId: () => string;
  /** Name and URL of this gateway for the map, read at each take of the lead. Absent: the map has the id alone. */
  readonly self?: () => Pick<LeaderRecord, "name" | "url">;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #copy: MapCopy;
  readonly #lead: Lead;
  readonly #writer: MapWriter;
  /** Version of another gateway's map that is being checked; 0: none. */
  #heardVersion = 0;
  /** Commands that no write has taken up yet. */
  readonly #queue: Waiting[] = [];
  #unsettledCommands = 0;
  /** Settles, never rejecting, when no command waits; null while none does. */
  #work: Promise<void> | null = null;

  /**
   * Reads the cluster map, or creates it when the store is empty. Throws SHARD_COUNT_MISMATCH when the stored number of
   * shards or hash is another, CLUSTER_MISMATCH when the name is, BAD_REQUEST for a new cluster that is not allowed,
   * and the store's errors.
   */
  static async open(options: RegistryOptions): Promise<Registry> {
    const { store, log, wanted, newClusterId, newLeaderId } = options;
    const read = await readOrCreate(store, wanted, newClusterId);
    const lead = new Lead(log, newLeaderId);
    const copy = new MapCopy({ store, log, named: (leader) => lead.named(leader) }, read, await store.log());
    // Catches a change between the load and the watch.
    await copy.refreshOrLog();
    return new Registry(options, copy, lead);
  }

  private constructor(options: RegistryOptions, copy: MapCopy, lead: Lead) {
    this.#options = options;
    this.#copy = copy;
    this.#lead = lead;
    const { clock, log, newLeaderId, self = () => ({ name: null, url: null }) } = options;
    this.#writer = new MapWriter({ copy, lead, clock, log, newMark: newLeaderId, self });
  }

  /** The newest version known here. */
  get map(): ClusterMap {
    return this.#copy.map;
  }

  /** Whether the stored map names this process, as far as is known here, under an id that it has not lost since. */
  get isLeading(): boolean {
    return this.#lead.id !== null;
  }

  /** Whether the store lacks changes that this process knows of; see `repair`. */
  get isRewound(): boolean {
    return this.#copy.rewound !== null;
  }

  /** Whether the store names a leader, as far as is known here. One that lost its map may still have a leader that knows it. */
  get hasLeader(): boolean {
    const stored = this.#copy.rewound?.map ?? this.map;
    return stored.leader !== null;
  }

  /** Whether the last call of the store was answered. */
  get isReachable(): boolean {
    return this.#copy.isReachable;
  }

  /** The newest changes of the shard's assignment, newest first, at most `assignmentHistoryMax`. */
  history(shard: number): readonly AssignmentChange[] {
    return this.#copy.history(shard);
  }

  /**
   * Makes the change durable and resolves to a map that has it, and possibly later changes. Throws what `applyCommand` throws,
   * BAD_REQUEST when the map would be too long, REGISTRY_CONFLICT when this process does not lead or another was faster every
   * time, OVERLOADED, and REGISTRY_UNAVAILABLE: then the change may have happened, which the next refresh shows.
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

  /**
   * Tries once to have the map name this process as its leader, under a new id. `judged` is the mark of the store by which
   * the present leader was found to be silent; absent: the newest known here. Resolves to whether this process leads: not
   * when the store is at another mark by now. Throws the store's errors; a take that happened all the same shows in the map.
   */
  takeLead(judged: StoreMark | null = this.#copy.mark): Promise<boolean> {
    return this.#writer.takeLead(judged);
  }

  /** Has the map name no leader if it names this process, which leads no more in any case. Resolves within some seconds. */
  resign(): Promise<void> {
    return this.#writer.resign();
  }

  /** Stops leading, although the map may name this process until another one takes the lead. */
  giveUpLead(): void {
    this.#lead.giveUp();
  }

  /**
   * Raises the beat beside the map, by which others see that the leader is there, and repairs a rewound store. Resolves to
   * whether this process still leads; false: another one does, or none. Throws the store's errors: then the beat may have
   * been raised.
   */
  beat(): Promise<boolean> {
    return this.#writer.beat();
  }

  /**
   * Reads the store's version and beat, and the map when its version is another than the one known here; null: the store is
   * empty. Throws the store's errors.
   */
  readMark(): Promise<StoreMark | null> {
    return this.#copy.readMark();
  }

  /**
   * Repairs a store that lacks changes which this process knows of, whether it leads or not. Resolves when the store has been
   * repaired, or has changed meanwhile. Throws the store's errors.
   */
  repair(): Promise<void> {
    return this.#writer.repair();
  }

  /**
   * Another gateway has a cluster map of this version. If this process leads and the store has none as new, the registry is
   * marked as restored. A version that no map can have yet says nothing. Logs the store's errors.
   */
  async heardOfVersion(version: number): Promise<void> {
    if (version > mapVersionToldMax || version <= Math.max(this.map.version, this.#heardVersion)) return;
    this.#heardVersion = version;
    const { log, newLeaderId } = this.#options;
    const facts = { knownVersion: version, storedVersion: this.map.version };
    try {
      await this.refresh();
      if (version <= this.map.version || !this.isLeading) return;
      const command = { kind: "markPutBack", newMark: newLeaderId(), knownVersion: version } as const;
      const { version: mapVersion } = await this.execute(command);
      log.warn({ ...facts, mapVersion }, markedAsRestored);
    } catch (error) {
      const message =
        "Another gateway has a newer cluster map than the registry store, which could not be marked as restored. It is tried again.";
      log.warn({ ...facts, err: error }, message);
    } finally {
      this.#heardVersion = 0;
    }
  }

  /** Calls `listener` with each newer map; returns the function that stops it. What it throws is logged. */
  onChange(listener: (map: ClusterMap) => void): () => void {
    return this.#copy.onChange(listener);
  }

  /**
   * Calls `listener` whenever this process begins or ceases to lead, before the listeners of `onChange` get that map.
   */
  onLeadChange(listener: (isLeading: boolean) => void): () => void {
    return this.#lead.onChange(listener);
  }

  /** Reads the store, beginning no earlier than now, and resolves to the newest map known. Throws the store's errors. */
  refresh(): Promise<ClusterMap> {
    return this.#copy.refresh();
  }

  /** Stops watching and listening, and waits for the changes in progress. Nothing may be called afterwards. */
  async close(): Promise<void> {
    this.#lead.close();
    const closed = this.#copy.close();
    await this.#work;
    await this.#writer.idle();
    await closed;
  }

  async #runQueue(): Promise<void> {
    // Commands of the same moment share the first write, too.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      await this.#writer.inTurn(() => this.#run(this.#queue.splice(0, registryBatchMax)));
    }
    this.#work = null;
  }

  /** Settles every command of the batch. */
  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
        if (await this.#try(batch)) return;
      }
      rejectAll(batch, lostEveryTry(this.map));
    } catch (error) {
      rejectAll(batch, error);
    }
  }

  /** Resolves to false, with nothing settled, when the map known here was not the newest; by then it is. */
  async #try(batch: readonly Waiting[]): Promise<boolean> {
    if (this.isLeading && !(await this.#writer.prepare())) return false;
    const before = this.map;
    if (!this.isLeading) throw notLeading(before);
    const round = appliedInTurn(before, batch, this.#options.clock.nowMs());
    if (round.map === before) {
      // A change that this process does not know yet may make a refused command valid.
      if (round.refusals.size > 0 && (await this.refresh()) !== before) return false;
      settle(batch, round);
      return true;
    }
    const stored = toStore(before, batch, round);
    if (stored === null) {
      if (batch.length === 1) throw tooLong();
      // Each command alone, so that only those that make the map too long are refused.
      for (const waiting of batch) await this.#run([waiting]);
      return true;
    }
    if (!(await this.#copy.replace(round, stored))) return false;
    settle(batch, round);
    return true;
  }
}
