/**
 * The registry of a leader during one term of its lead. After the term, that leader's remaining work can no longer
 * change the cluster map, also when the same process takes the lead again while the work is still ending.
 */
import type { AssignmentChange, ClusterMap } from "../../../registry/cluster-map.js";
import { notLeading } from "../../../registry/command-batch.js";
import type { RegistryCommand } from "../../../registry/commands.js";
import type { LedRegistry } from "../leader/led-registry.js";

export class LeadTerm implements LedRegistry {
  readonly #registry: LedRegistry;
  #isOver = false;

  constructor(registry: LedRegistry) {
    this.#registry = registry;
  }

  get map(): ClusterMap {
    return this.#registry.map;
  }

  get isReachable(): boolean {
    return this.#registry.isReachable;
  }

  async execute(command: RegistryCommand): Promise<ClusterMap> {
    if (this.#isOver) throw notLeading(this.map);
    return this.#registry.execute(command);
  }

  refresh(): Promise<ClusterMap> {
    return this.#registry.refresh();
  }

  onChange(listener: (map: ClusterMap) => void): () => void {
    return this.#registry.onChange(listener);
  }

  history(shard: number): readonly AssignmentChange[] {
    return this.#registry.history(shard);
  }

  async heardOfVersion(version: number): Promise<void> {
    if (!this.#isOver) await this.#registry.heardOfVersion(version);
  }

  end(): void {
    this.#isOver = true;
  }
}
