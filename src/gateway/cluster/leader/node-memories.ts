/** What this gateway remembers of each storage node beyond the cluster map and its liveness. Lost with the process. */
import type { StoreRefusal } from "../../../registry/commands.js";
import type { NodeState } from "../../../registry/liveness.js";
import type { HostedShard } from "../../../wire/membership.js";
import { neverLost, type StoreContact } from "../store-contact.js";

export interface NodeMemory {
  /** The start that registered with this process; null: none has, or it is a plain node. */
  incarnation: string | null;
  /** The shards it last reported; null when it was never asked. */
  held: readonly HostedShard[] | null;
  /** Monotonic; null when it never sent a heartbeat. */
  heartbeatMs: number | null;
  /** The last registration whose store was not recognized; null: none was. */
  refusal: StoreRefusal | null;
  /** New epochs for its shards have been requested. */
  isRenewing: boolean;
  /** It has said that it is about to stop, in a heartbeat since it registered. */
  isLeaving: boolean;
  /** What its heartbeats have said of the way to its store. */
  contact: StoreContact;
  /** Since when it is fit to get shards without a break; monotonic. Null: it is not, or that is not known. */
  fitSinceMs: number | null;
  /** The last state that was logged. */
  loggedState: NodeState | null;
}

export class NodeMemories {
  readonly #memories = new Map<string, NodeMemory>();

  /** The memory of a registered node; empty at first. The caller may change it. */
  of(name: string): NodeMemory {
    const known = this.#memories.get(name);
    if (known !== undefined) return known;
    const unknown = { incarnation: null, held: null, heartbeatMs: null, refusal: null, fitSinceMs: null };
    const none = { isRenewing: false, isLeaving: false, contact: neverLost, loggedState: null };
    const memory: NodeMemory = { ...unknown, ...none };
    this.#memories.set(name, memory);
    return memory;
  }

  /** Drops every node that `isRegistered` does not know any more; returns their names. */
  keepOnly(isRegistered: (name: string) => boolean): readonly string[] {
    const forgotten = [...this.#memories.keys()].filter((name) => !isRegistered(name));
    for (const name of forgotten) this.#memories.delete(name);
    return forgotten;
  }
}
