/**
 * The leader's probes of storage nodes: what an answer says of the node, and what a refused connection does. A node of a
 * shared store that refuses twice is DOWN at once; the second probe follows the first after a moment, in which a process
 * that restarts may listen again.
 */
import type { Clock } from "../../../core/clock.js";
import { otherCluster } from "../../../registry/commands.js";
import type { Liveness } from "../../../registry/liveness.js";
import type { NodeSign } from "../../../routing/node-client/node-client.js";
import type { NodeCalls } from "../node-calls.js";
import type { MapChanges } from "./map-changes.js";
import type { NodeMemories } from "./node-memories.js";
import { isPlain, otherNode, type Registrar } from "./registrar.js";

/** Pause before a storage node that refused a connection is probed again. */
export const probeAgainMs = 200;

export interface ProbesParts {
  readonly changes: Pick<MapChanges, "map">;
  readonly calls: Pick<NodeCalls, "probe">;
  readonly registrar: Pick<Registrar, "refused" | "accepted">;
  readonly memories: NodeMemories;
  readonly liveness: Pick<Liveness, "refused" | "answered" | "state">;
  /** Called at each sign of life of a registered node. */
  readonly seen: (name: string) => void;
  /** A storage node is DOWN because it refuses connections. */
  readonly onDown: () => void;
  readonly clock: Pick<Clock, "after">;
}

export class Probes {
  readonly #parts: ProbesParts;
  readonly #probed = new Set<string>();
  /** Ends the pauses in progress, by storage node. */
  readonly #pauses = new Map<string, () => void>();

  constructor(parts: ProbesParts) {
    this.#parts = parts;
  }

  /** Resolves when the storage node has answered or its time is up. */
  async probe(name: string): Promise<void> {
    const sign = await this.#ask(name);
    if (sign === "refused") this.#refusedHere(name);
    else if (sign !== "silent") this.#take(name, sign);
  }

  /** The storage node has refused a connection of some gateway: it is probed, unless a probe is in progress. */
  refused(name: string): void {
    if (!this.#probed.has(name) && !this.#pauses.has(name)) void this.probe(name);
  }

  stop(): void {
    for (const end of this.#pauses.values()) end();
    this.#pauses.clear();
  }

  /** The process at the node's former address gets no more requests for its keys. */
  async #ask(name: string): Promise<NodeSign | "refused" | "silent"> {
    const { changes, calls } = this.#parts;
    const url = changes.map.nodes.get(name)?.url;
    this.#probed.add(name);
    const sign = await calls.probe(name).finally(() => this.#probed.delete(name));
    return url === undefined || changes.map.nodes.get(name)?.url !== url ? "silent" : sign;
  }

  #refusedHere(name: string): void {
    const { changes, liveness, memories, clock, onDown } = this.#parts;
    const wasDown = liveness.state(name) === "DOWN";
    liveness.refused(name);
    memories.of(name).fitSinceMs = null;
    if (wasDown || changes.map.nodes.get(name)?.isStoreShared !== true) return;
    if (liveness.state(name) === "DOWN") return onDown();
    if (this.#pauses.has(name)) return;
    const again = (): void => {
      this.#pauses.delete(name);
      void this.probe(name);
    };
    this.#pauses.set(name, clock.after(probeAgainMs, again));
  }

  /**
   * An answer counts only from a node that may serve: a plain one, or one that says this name and cluster, has registered
   * here and is acknowledged.
   */
  #take(name: string, sign: NodeSign): void {
    const { changes, registrar, memories, liveness, seen } = this.#parts;
    const { map } = changes;
    const { clusterId } = sign;
    liveness.answered(name);
    if (clusterId !== null && clusterId !== map.clusterId) {
      registrar.refused(name, otherCluster(name, clusterId, map), null);
    } else if (sign.name !== null && sign.name !== name) {
      registrar.refused(name, otherNode(name, sign.name, map.nodes.get(name)?.url ?? ""), null);
    } else if (sign.kind === "full") {
      const isKnown = sign.name !== null && clusterId !== null && memories.of(name).incarnation !== null;
      if (isKnown && sign.isAcknowledged) seen(name);
    } else if (isPlain(map, name)) {
      registrar.accepted(name);
      seen(name);
    }
  }
}
