/**
 * Asks the leader for histories of shards, in one call for all that are requested at the same moment: one request may
 * need the history of every shard, and the number of calls between processes is bounded.
 */
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignmentChange } from "../../../registry/cluster-map.js";

type History = readonly AssignmentChange[];
type Ask = (shards: readonly ShardNumber[]) => Promise<readonly History[]>;

interface Call {
  readonly shards: ShardNumber[];
  /** In the order of `shards`. */
  readonly histories: Promise<readonly History[]>;
}

export class HistoryCalls {
  readonly #ask: Ask;
  /** The call that is about to be made; null: none. */
  #next: Call | null = null;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Rejects as the call does. */
  async of(shard: ShardNumber): Promise<History> {
    const { shards, histories } = (this.#next ??= this.#begin());
    const index = shards.push(shard) - 1;
    return (await histories)[index] ?? [];
  }

  #begin(): Call {
    const shards: ShardNumber[] = [];
    const histories = Promise.resolve().then(() => {
      this.#next = null;
      return this.#ask(shards);
    });
    return { shards, histories };
  }
}
