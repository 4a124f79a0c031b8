/**
 * The registry as one process uses it: the newest cluster map, the commands that change it, and the lead, without which a
 * process changes nothing. What a command means is decided in commands.ts. Here, commands that wait share one write, and are
 * repeated on a newer map when another process was faster. Writes, beats and takes of the lead happen one after the other,
 * so that none of them makes the next one fail. When to beat and when to take the lead is for lease.ts to say.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax, storageNodesMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { AssignmentChange, ClusterMap, LeaderRecord } from "./cluster-map.js";
import { appliedInTurn, lostEveryTry, notLeading, rejectAll, settle, tooLong, toStore } from "./command-batch.js";
import type { Waiting } from "./command-batch.js";
import { applyCommand, type RegistryCommand } from "./commands.js";
import { MapCopy } from "./map-copy.js";
import type { RegistryStore, StoreMark } from "./registry-store.js";
import { readOrCreate, type WantedCluster } from "./stored-cluster-map.js";

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
  /** Draws the ids by which the map names this process as its leader. */
  readonly newLeaderId: () => string;
  /** How the map names this gateway beside that id, asked at each take of the lead. Absent: by the id alone. */
  readonly self?: () => Pick<LeaderRecord, "name" | "url">;
}

export class Registry {
  readonly #copy: MapCopy;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #newLeaderId: () => string;
  readonly #self: () => Pick<LeaderRecord, "name" | "url">;
  /** Under which this process leads, or which it has asked the store for; null: neither. Never taken up again once lost. */
  #leaderId: string | null = null;
  #wasLeading = false;
  readonly #leadListeners = new Set<(isLeading: boolean) => void>();
  /** Commands that no write has taken up yet. */
  readonly #queue: Waiting[] = [];
  #unsettledCommands = 0;
  /** Settles, never rejecting, when the last of what must not overlap is done; the next begins then. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Settles, never rejecting, when no command waits; null while none does. */
  #work: Promise<void> | null = null;

  /**
   * Reads the cluster map, or creates it when the store is empty. Throws SHARD_COUNT_MISMATCH when the stored number of
   * shards or hash is another, CLUSTER_MISMATCH when the name is, BAD_REQUEST when what is wanted is not allowed, and the
   * store's errors.
   */
  static async open(options: RegistryOptions): Promise<Registry> {
    const { store, wanted, newClusterId } = options;
    const read = await readOrCreate(store, wanted, newClusterId);
    const copy = new MapCopy(options, read, await store.log());
    const registry = new Registry(options, copy);
    // For a change between that load and the watch.
    await copy.refreshOrLog();
    return registry;
  }

  private constructor({ clock, log, newLeaderId, self }: RegistryOptions, copy: MapCopy) {
    this.#copy = copy;
    this.#clock = clock;
    this.#log = log;
    this.#newLeaderId = newLeaderId;
    this.#self = self ?? (() => ({ name: null, url: null }));
    copy.onChange(({ leader }) => {
      if (leader?.id !== this.#leaderId) this.#leaderId = null;
      this.#noticeLead();
    });
  }

  /** The newest version known here. */
  get map(): ClusterMap {
    return this.#copy.map;
  }

  /** Whether the newest map known here names this process, under an id that it has not lost since. */
  get isLeading(): boolean {
    return this.#leaderId !== null && this.map.leader?.id === this.#leaderId;
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
    return this.#inTurn(async () => {
      if (this.isLeading || !isSameMark(judged, this.#copy.mark)) return this.isLeading;
      this.#leaderId ??= this.#newLeaderId();
      const leader = { id: this.#leaderId, ...this.#self() };
      try {
        await this.#copy.replace(applyCommand(this.map, { kind: "takeLead", leader }, this.#clock.nowMs()));
      } catch (error) {
        // It may have happened.
        await this.#copy.refresh();
        if (!this.isLeading) throw error;
      }
      return this.isLeading;
    });
  }

  /** Has the map name no leader if it names this process, which leads no more in any case. Resolves within some seconds. */
  async resign(): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = this.#clock.after(resignTimeoutMs, resolve)));
    await Promise.race([this.#inTurn(() => this.#resign()), late]);
    cancel();
  }

  /**
   * Raises the beat beside the map, by which others see that the leader is there. Resolves to whether this process still
   * leads; false: another one does, or none. Throws the store's errors: then the beat may have been raised.
   */
  beat(): Promise<boolean> {
    return this.#inTurn(async () => {
      for (let attempt = 1; this.isLeading && attempt <= registryAttemptsMax; attempt++) {
        if (await this.#copy.beat()) break;
      }
      return this.isLeading;
    });
  }

  /**
   * Reads the store's version and beat, and the map when its version is another than the one known here; null: the store is
   * empty. Throws the store's errors.
   */
  readMark(): Promise<StoreMark | null> {
    return this.#copy.readMark();
  }

  /** Calls `listener` with each newer map; returns the function that stops it. What it throws is logged. */
  onChange(listener: (map: ClusterMap) => void): () => void {
    return this.#copy.onChange(listener);
  }

  /** Calls `listener` whenever this process begins or ceases to lead, before `onChange` hears of that map. */
  onLeadChange(listener: (isLeading: boolean) => void): () => void {
    const own = (isLeading: boolean): void => listener(isLeading);
    this.#leadListeners.add(own);
    return () => this.#leadListeners.delete(own);
  }

  /** Reads the store, beginning no earlier than now, and resolves to the newest map known. Throws the store's errors. */
  refresh(): Promise<ClusterMap> {
    return this.#copy.refresh();
  }

  /** Stops watching and listening, and waits for the changes under way. Nothing may be called afterwards. */
  async close(): Promise<void> {
    this.#leadListeners.clear();
    const closed = this.#copy.close();
    await this.#work;
    await this.#turn;
    await closed;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #resign(): Promise<void> {
    try {
      for (let attempt = 1; this.isLeading && attempt <= registryAttemptsMax; attempt++) {
        const leaderId = this.#leaderId ?? "";
        await this.#copy.replace(applyCommand(this.map, { kind: "resignLead", leaderId }, this.#clock.nowMs()));
      }
    } catch (error) {
      this.#log.warn(
        { err: error },
        "The registry store did not take this gateway's resignation. Another gateway takes the lead when its beat stops.",
      );
    }
    this.#leaderId = null;
    this.#noticeLead();
  }

  #noticeLead(): void {
    const { isLeading } = this;
    if (isLeading === this.#wasLeading) return;
    this.#wasLeading = isLeading;
    for (const listener of this.#leadListeners) {
      try {
        listener(isLeading);
      } catch (error) {
        this.#log.error(
          { err: error, isLeading },
          "A listener failed on a change of the lead; this is a bug, please report `err`.",
        );
      }
    }
  }

  async #runQueue(): Promise<void> {
    // Commands of the same moment share the first write, too.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#inTurn(() => this.#run(this.#queue.splice(0, registryBatchMax)));
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
    const before = this.map;
    if (!this.isLeading) throw notLeading(before);
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
    if (!(await this.#copy.replace(round, stored))) return false;
    settle(batch, round);
    return true;
  }
}

/** A resignation saves others some seconds of waiting; a gateway that stops does not wait longer for it. */
const resignTimeoutMs = 3_000;

function isSameMark(one: StoreMark | null, other: StoreMark | null): boolean {
  return one?.version === other?.version && one?.beat === other?.beat;
}
