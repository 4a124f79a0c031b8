/** Changes the cluster map and sends the storage nodes concerned their assignments, once for all that changed together. */
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { RegistryCommand } from "../../registry/commands.js";
import type { NodeState } from "../../registry/liveness.js";
import type { Registry } from "../../registry/registry.js";
import { concernedNodes } from "./concerned-nodes.js";
import type { NodeCalls } from "./node-calls.js";
import { SharedRun } from "./shared-run.js";

export interface MapChangesParts {
  readonly registry: Pick<Registry, "map" | "execute">;
  readonly nodeState: (name: string) => NodeState;
  readonly calls: Pick<NodeCalls, "tell">;
}

export class MapChanges {
  readonly #parts: MapChangesParts;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Of the changes under way, the nodes that get the result with an answer of their own. */
  readonly #answered = new Set<ReadonlySet<string>>();
  /** The map of the assignments that were sent last. */
  #toldMap: ClusterMap;
  readonly #telling = new SharedRun(() => this.#tellNews());

  constructor(parts: MapChangesParts) {
    this.#parts = parts;
    this.#toldMap = parts.registry.map;
  }

  get map(): ClusterMap {
    return this.#parts.registry.map;
  }

  /**
   * Resolves to a map that has the change, once the nodes have their assignments. Those in `answered` get them with an
   * answer of their own. Throws what `Registry.execute` throws.
   */
  make(command: RegistryCommand, answered: ReadonlySet<string> = new Set()): Promise<ClusterMap> {
    this.#answered.add(answered);
    const change = this.#make(command).finally(() => this.#answered.delete(answered));
    const settled = change.then(ignore, ignore).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return change;
  }

  /** Resolves when no change is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #make(command: RegistryCommand): Promise<ClusterMap> {
    const after = await this.#parts.registry.execute(command);
    if (after.version > this.#toldMap.version) await this.#telling.next();
    return after;
  }

  /** Old owners come first, so that they stop before the new ones start. */
  async #tellNews(): Promise<void> {
    const { registry, nodeState, calls } = this.#parts;
    const [before, after] = [this.#toldMap, registry.map];
    // Not while the registry is put back: a storage node gives up the shards that are not listed.
    if (after === before || after.putBack !== null) return;
    const answered = new Set([...this.#answered].flatMap((names) => [...names]));
    const { losing, gaining } = concernedNodes(before, after);
    for (const names of [losing, gaining]) {
      const reachable = names.filter((name) => !answered.has(name) && nodeState(name) !== "DOWN");
      await Promise.all(reachable.map((name) => calls.tell(name, after)));
    }
    this.#toldMap = after;
  }
}

function ignore(): void {}
