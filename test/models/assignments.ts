/**
 * Two worker processes of one storage node share one store and receive the node's assignments, each message separately,
 * late and out of order. The store claims or releases one shard accordingly. In the end the claim is that of the newest
 * map, and no write is accepted under an assignment that is older than a durable one.
 */
import type { Model, ModelState } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /**
   * What a message's map version is compared with: the store's in the same transaction, or the one that the worker
   * remembers.
   */
  readonly compared: "inTransaction" | "byWorker" | "never";
}

interface State extends ModelState {
  /** Messages in flight to each worker: versions of the map. */
  onTheWay: number[][];
  /** The last version that each worker received. */
  remembered: number[];
  store: { mapVersion: number; epoch: number; releasedEpoch: number };
}

/** The epoch under which each version of the map assigns the shard to the node; null: not to it. */
const maps: readonly (number | null)[] = [1, null, 3, 4];
const newest = maps.length;

function model(changed: Partial<Rules>): Model<State> {
  const rules: Rules = { compared: "inTransaction", ...changed };
  const versions = maps.map((_, index) => index + 1);

  function take(state: State, worker: number, version: number): void {
    const { store, remembered } = state;
    state.onTheWay[worker] = state.onTheWay[worker]?.filter((other) => other !== version) ?? [];
    const known = rules.compared === "inTransaction" ? store.mapVersion : (remembered[worker] ?? 0);
    if (rules.compared !== "never" && version < known) return;
    remembered[worker] = version;
    const epoch = maps[version - 1] ?? null;
    store.mapVersion = Math.max(store.mapVersion, version);
    if (epoch === null) store.releasedEpoch = store.epoch;
    else store.epoch = Math.max(store.epoch, epoch);
  }

  return {
    initial: {
      broken: null,
      onTheWay: [versions, versions],
      remembered: [0, 0],
      store: { mapVersion: 0, epoch: 0, releasedEpoch: 0 },
    },
    next(state, { step }) {
      for (const [worker, messages] of state.onTheWay.entries()) {
        for (const version of messages) {
          step(`worker ${worker} takes the assignments of map ${version}`, (copy) => take(copy, worker, version));
        }
      }
    },
    violation({ store }) {
      if (store.mapVersion < newest) return null;
      const isOwned = store.epoch === maps[newest - 1] && store.epoch > store.releasedEpoch;
      return isOwned ? null : `the newest map is durable, and the claim is ${JSON.stringify(store)}`;
    },
  };
}

const { shortHolds, shortBreaks } = variantsOf(model);

export const assignmentsVariants = [
  shortHolds("map versions are compared in the transaction that claims", {}),
  shortBreaks("each worker compares with what it remembers", { compared: "byWorker" }),
  shortBreaks("assignments are taken as they come", { compared: "never" }),
];
