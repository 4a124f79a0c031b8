/**
 * The cluster map as one process knows it: a copy in memory, kept up to date from the store, and changed through it by
 * compare-and-set. What a change means is decided in commands.ts; this file only repeats it on a newer map when another
 * process was faster. The copy never goes back to an older version.
 */
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax, registryQueueMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { ClusterMap } from "./cluster-map.js";
import { applyCommand, type RegistryCommand } from "./commands.js";
import type { RegistryStore } from "./registry-store.js";
import { documentOf, loadOrCreate, mapOf, type WantedCluster } from "./stored-cluster-map.js";

export interface RegistryOptions {
  /** Stays open when the registry is closed: whoever opened it closes it afterwards. */
  readonly store: RegistryStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly wanted: WantedCluster;
  readonly newClusterId: () => string;
}

export class Registry {
  readonly #store: RegistryStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  readonly #unwatch: () => void;
  #map: ClusterMap;
  /** Settles when the last command that was asked for is done; the next queues up behind it. */
  #lastCommand: Promise<unknown> = Promise.resolve();
  #queuedCommands = 0;
  /** Settles, never rejecting, when the load under way is done. */
  #currentLoad: Promise<unknown> = Promise.resolve();
  /** The load that begins after it, shared by all who asked meanwhile. */
  #nextLoad: Promise<ClusterMap> | null = null;

  /**
   * Reads the cluster map, or creates it when the store is empty. Throws SHARD_COUNT_MISMATCH when the stored number of
   * shards or hash is another, CLUSTER_MISMATCH when the name is, BAD_REQUEST when what is wanted is not allowed, and
   * the store's errors.
   */
  static async open(options: RegistryOptions): Promise<Registry> {
    const map = await loadOrCreate(options.store, options.wanted, options.newClusterId);
    const registry = new Registry(options, map);
    // For a change between that load and the watch.
    await registry.#refreshOrLog();
    return registry;
  }

  private constructor({ store, clock, log }: RegistryOptions, map: ClusterMap) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#map = map;
    this.#unwatch = store.watch(() => void this.#refreshOrLog());
  }

  /** The newest version known here. */
  get map(): ClusterMap {
    return this.#map;
  }

  /**
   * Makes the change durable and resolves to the map that has it. Throws the refusals of `applyCommand`, REGISTRY_CONFLICT
   * when others were faster every time, OVERLOADED, and REGISTRY_UNAVAILABLE: then the change may have happened, which
   * the next refresh tells.
   */
  execute(command: RegistryCommand): Promise<ClusterMap> {
    if (this.#queuedCommands >= registryQueueMax) {
      const message = `${registryQueueMax} changes of the cluster map are waiting already.`;
      return Promise.reject(new ShardgateError("OVERLOADED", message));
    }
    this.#queuedCommands++;
    const result = this.#lastCommand.then(() => this.#compareAndSet(command)).finally(() => this.#queuedCommands--);
    this.#lastCommand = result.catch(() => undefined);
    return result;
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
    this.#nextLoad ??= this.#currentLoad.then(() => {
      this.#nextLoad = null;
      const load = this.#load();
      this.#currentLoad = load.catch(() => undefined);
      return load;
    });
    return this.#nextLoad;
  }

  /** Stops watching and listening, and waits for the changes under way. Nothing may be called afterwards. */
  async close(): Promise<void> {
    this.#unwatch();
    this.#listeners.clear();
    await this.#lastCommand;
    await Promise.allSettled([this.#nextLoad, this.#currentLoad]);
  }

  async #compareAndSet(command: RegistryCommand): Promise<ClusterMap> {
    for (let attempt = 1; attempt <= registryAttemptsMax; attempt++) {
      const map = this.#map;
      let next: ClusterMap;
      try {
        next = applyCommand(map, command, this.#clock.nowMs());
      } catch (refusal) {
        // What this process has not heard of yet may make the command right.
        if ((await this.refresh()) === map) throw refusal;
        continue;
      }
      if (next === map) return map;
      if (await this.#store.compareAndSet(map.version, documentOf(next))) {
        this.#adopt(next);
        return next;
      }
      await this.refresh();
    }
    throw new ShardgateError(
      "REGISTRY_CONFLICT",
      `The change "${command.kind}" was tried ${registryAttemptsMax} times, and the store never was at version ` +
        `${this.#map.version} as this process believes.`,
    );
  }

  async #load(): Promise<ClusterMap> {
    const document = await this.#store.load();
    const known = this.#map;
    if (document === null || document.version < known.version) {
      const facts = { knownVersion: known.version, storedVersion: document?.version ?? null };
      this.#log.warn(facts, "The registry store has an older cluster map than this process; the newer one is kept.");
    } else if (document.version > known.version) {
      const map = mapOf(document);
      if (map.clusterId !== known.clusterId) {
        throw new ShardgateError(
          "CLUSTER_MISMATCH",
          `The registry store now has cluster ${map.clusterId} instead of ${known.clusterId}. Restart this process.`,
        );
      }
      this.#adopt(map);
    }
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
        "The registry changed and could not be read; the known cluster map is kept. Check the store.",
      );
    }
  }
}
