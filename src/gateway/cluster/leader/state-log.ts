/** What the leader logs of the cluster's state: once, when it changes. */
import type { Log } from "../../../core/log.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { NodeState } from "../../../registry/liveness.js";
import type { NodeStatus } from "../cluster-view.js";
import type { NodeMemories } from "./node-memories.js";

export class StateLog {
  readonly #memories: NodeMemories;
  readonly #log: Log;
  /** Mark of the last restore that was logged. */
  #mark: string | null = null;

  constructor(memories: NodeMemories, log: Log) {
    this.#memories = memories;
    this.#log = log;
  }

  /** Records the state of a storage node that the former leader has logged already. */
  knows(name: string, state: NodeState): void {
    this.#memories.of(name).loggedState = state;
  }

  /** Whether a registered storage node lives. */
  node(name: string, { state, lastSeenAtMs, problem }: Pick<NodeStatus, "state" | "lastSeenAtMs" | "problem">): void {
    const memory = this.#memories.of(name);
    // After the gateway's start a node may not have registered yet. A node that answers but may not serve is not logged
    // as UP.
    const isExpected = state === "SUSPECT" && lastSeenAtMs === null;
    if (state === memory.loggedState || isExpected || problem !== null) return;
    memory.loggedState = state;
    if (state === "UP") this.#log.info({ node: name, state }, "A storage node is up.");
    else this.#log.warn({ node: name, state }, "A storage node does not respond; check its process and its log.");
  }

  /** Whether the registry is being restored. */
  putBack(map: ClusterMap): void {
    const mark = map.putBack?.mark ?? null;
    if (mark !== null && mark !== this.#mark) {
      const message =
        "The registry was restored from an older copy. No shard is served until every storage node has registered again; " +
        "for a node that is lost for good, run `shardgate node accept-loss NAME`.";
      this.#log.error({ waiting: map.putBack?.waiting }, message);
    } else if (mark === null && this.#mark !== null) {
      this.#log.info({ mapVersion: map.version }, "Every storage node has registered again; shards are served.");
    }
    this.#mark = mark;
  }
}
