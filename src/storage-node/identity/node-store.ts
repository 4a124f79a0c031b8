/**
 * One process's view of the storage node's store: its document and claims, changed by one engine call after another.
 * Every change is decided within the engine's transaction, so processes that share a store need no coordination here;
 * changes of other processes are seen after `refresh`.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { ShardNumber } from "../../core/shard.js";
import { isOwned } from "../../storage/claim.js";
import type { ShardClaim, StorageEngine, StoreChange, StoreState } from "../../storage/engine.js";
import type { NodeAssignments } from "../../wire/membership.js";
import { documentOf, withAssignments, withBeginning, withOwnClaims, type NodeDocument } from "./node-state.js";

/**
 * Most changes of the assignments that wait at a storage node: those of its own agent, and those that several gateways
 * send at once.
 */
export const assignmentChangesMax = 64;

export interface NodeStoreOptions {
  readonly engine: Pick<StorageEngine, "state" | "changeState">;
  readonly clock: Pick<Clock, "nowMs">;
  /** Id of this start of the storage node, the same in all of its processes. */
  readonly start: string;
  /** Draws the id of a new store. */
  readonly newId: () => string;
  /** False: the storage node has no gateway, needs no acknowledgement, and claims shards for itself. */
  readonly hasGateway: boolean;
  /** Whether other processes serve the same store. */
  readonly isShared: boolean;
  /** Whether this process is the one that records the start. */
  readonly isFirst: boolean;
}

export class NodeStore {
  readonly #options: NodeStoreOptions;
  #state: StoreState = { document: null, claims: new Map(), shared: null, damagedShards: [] };
  #document: NodeDocument = documentOf(this.#state);
  /** The last requested engine call; never rejects. */
  #last: Promise<void> = Promise.resolve();
  #changesWaiting = 0;
  /** A refresh that has not started yet, which several callers may share. */
  #nextRefresh: Promise<void> | null = null;

  /**
   * Records the start durably. Throws STORAGE_FAILED when the document is damaged, and passes on errors of the engine.
   */
  static async open(options: NodeStoreOptions): Promise<NodeStore> {
    const { engine, clock, start, newId, hasGateway, isFirst } = options;
    const store = new NodeStore(options);
    const beginning = {
      start: isFirst ? { id: start, atMs: clock.nowMs() } : null,
      newStoreId: newId(),
      isAlone: !hasGateway,
    };
    await store.#run(() => engine.changeState((state) => withBeginning(state, beginning)));
    return store;
  }

  private constructor(options: NodeStoreOptions) {
    this.#options = options;
  }

  get document(): NodeDocument {
    return this.#document;
  }

  /** Whether a gateway has acknowledged this start, or none is needed. */
  get isAcknowledged(): boolean {
    return !this.#options.hasGateway || this.#document.acknowledgedStart === this.#options.start;
  }

  /** Whether the storage node has no gateway and belongs to no cluster. */
  get isIndependent(): boolean {
    return !this.#options.hasGateway && this.#document.clusterId === null;
  }

  /** Whether other storage nodes have the same store. */
  get isStoreShared(): boolean {
    return this.#state.shared !== null;
  }

  /** The epoch under which the store owns the shard; null if it does not. */
  ownedEpoch(shard: ShardNumber): number | null {
    const claim = this.#state.claims.get(shard);
    return claim !== undefined && isOwned(claim) ? claim.epoch : null;
  }

  /** Whether the store has never claimed the shard. */
  isNew(shard: ShardNumber): boolean {
    return !this.#state.claims.has(shard) && !this.#state.damagedShards.includes(shard);
  }

  /** Shards that the engine refuses because their header is damaged. */
  get damagedShards(): readonly ShardNumber[] {
    return this.#state.damagedShards;
  }

  get ownedCount(): number {
    return [...this.#state.claims.values()].filter(isOwned).length;
  }

  /**
   * Reads what others have changed: other processes of this storage node or, while a shared store has no cluster, other
   * storage nodes. `isToRegister`: also what another process of the same name, on another machine, has changed in a shared
   * store. Throws STORAGE_FAILED, and passes on errors of the engine.
   */
  refresh(isToRegister = false): Promise<void> {
    const isRead =
      this.#options.isShared || this.#state.shared?.cluster === null || (isToRegister && this.isStoreShared);
    if (!isRead) return Promise.resolve();
    this.#nextRefresh ??= this.#run(() => {
      this.#nextRefresh = null;
      return this.#options.engine.state();
    });
    return this.#nextRefresh;
  }

  /**
   * Applies newer assignments durably; older ones have no effect. Resolves to false when nothing changed. `isAnswer`:
   * the assignments answer the registration of this start, and so acknowledge it. Throws CLUSTER_MISMATCH,
   * SHARD_COUNT_MISMATCH and OVERLOADED, and passes on errors of the engine.
   */
  async applyAssignments(assignments: NodeAssignments, isAnswer: boolean): Promise<boolean> {
    // The engine would read every claim, which is too expensive for the answer to each heartbeat.
    if (!isAnswer && this.#isKnown(assignments)) return false;
    const acknowledged = isAnswer ? this.#options.start : null;
    return this.#change((state) => withAssignments(state, assignments, acknowledged));
  }

  /**
   * Claims those of `shards` that were never claimed, and the `outdated` ones anew, for a storage node without a gateway.
   * Throws as `applyAssignments` does.
   */
  async claim(shards: readonly ShardNumber[], outdated: readonly ShardClaim[] = []): Promise<void> {
    await this.#change((state) => withOwnClaims(state, shards, outdated));
  }

  /**
   * Whether this process knows the assignments already. Changes that other processes have applied since are newer
   * still.
   */
  #isKnown({ clusterId, shardCount, mapVersion, shards }: NodeAssignments): boolean {
    const known = this.#document;
    const isSame = known.clusterId === clusterId && known.shardCount === shardCount && known.mapVersion === mapVersion;
    return isSame && shards === undefined;
  }

  async #change(decide: (state: StoreState) => StoreChange | null): Promise<boolean> {
    if (this.#changesWaiting >= assignmentChangesMax) {
      throw new ShardgateError(
        "OVERLOADED",
        "Too many changes of assignments are already waiting at this storage node.",
      );
    }
    this.#changesWaiting++;
    let isChanged = false;
    try {
      await this.#run(() =>
        this.#options.engine.changeState((state) => {
          const change = decide(state);
          isChanged = change !== null;
          return change;
        }),
      );
    } finally {
      this.#changesWaiting--;
    }
    return isChanged;
  }

  /** Runs one call after another, so that a newer state is never replaced by an older one. */
  #run(call: () => Promise<StoreState>): Promise<void> {
    const turn = this.#last.then(() => this.#takeFrom(call));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #takeFrom(call: () => Promise<StoreState>): Promise<void> {
    const state = await call();
    if (!hasSameDocument(state, this.#state)) this.#document = documentOf(state);
    this.#state = state;
  }
}

function hasSameDocument(one: StoreState, other: StoreState): boolean {
  const isSameStore = one.shared?.id === other.shared?.id;
  return (
    isSameStore &&
    one.shared?.cluster?.clusterId === other.shared?.cluster?.clusterId &&
    one.document === other.document
  );
}
