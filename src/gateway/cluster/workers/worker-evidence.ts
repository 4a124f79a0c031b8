/**
 * What the requests of a gateway's workers show of storage nodes, in their primary: workers report each refused connection
 * by themselves, and say which storage nodes served them when they are asked. While none is refused and none is in doubt,
 * nothing is sent.
 */
import type { Peer } from "../../../wire/peer.js";
import type { ClusterNews } from "../follower/followed-cluster.js";
import type { NodeEvidence } from "../node-evidence.js";

/** How long a worker may take to say when storage nodes served it; it has that in memory. */
const silencesTimeoutMs = 250;

type AskedWorker = Pick<Peer<ClusterNews>, "ask">;

export class WorkerEvidence implements NodeEvidence {
  readonly #workers: () => Iterable<AskedWorker>;
  readonly #refused = new Set<string>();
  readonly #listeners = new Set<(node: string) => void>();

  /** `workers`: those that serve now. */
  constructor(workers: () => Iterable<AskedWorker>) {
    this.#workers = workers;
  }

  /** A worker reports that the storage node refused a connection. */
  refused(node: string): void {
    this.#refused.add(node);
    for (const listener of this.#listeners) listener(node);
  }

  async silences(nodes: readonly string[]): Promise<readonly (number | null)[]> {
    if (nodes.length === 0) return [];
    const answers = await Promise.all([...this.#workers()].map((worker) => silencesAt(worker, nodes)));
    return nodes.map((_, index) => {
      const known = answers.flatMap((silences) => silences[index] ?? []);
      return known.length === 0 ? null : Math.min(...known);
    });
  }

  takeRefused(): readonly string[] {
    const refused = [...this.#refused];
    this.#refused.clear();
    return refused;
  }

  onRefused(listener: (node: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A worker that ends, hangs or is overloaded knows of none. */
async function silencesAt(worker: AskedWorker, nodes: readonly string[]): Promise<readonly (number | null)[]> {
  try {
    return await worker.ask("silences", nodes, silencesTimeoutMs);
  } catch {
    return [];
  }
}
