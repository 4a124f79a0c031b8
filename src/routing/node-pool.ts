/** The links to all storage nodes of the cluster map: made when first needed, dropped when the map no longer has them. */
import { ShardgateError } from "../core/error.js";
import { idSequence } from "../core/id-sequence.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import type { ClusterMap, NodeRecord } from "../registry/cluster-map.js";
import type { CallOptions, NodeClient, MapFacts, NodeSign } from "./node-client.js";
import { NodeLink, type NodeFigures, type NodeLinkOptions } from "./node-link.js";
import type { RoutingObserver } from "./observer.js";
import { allUnsent, nodeText } from "./refusal.js";
import type { RouteContext } from "./submission.js";

export interface NodePoolOptions extends Omit<NodeLinkOptions, "nextBatchId"> {
  /** The current cluster map. */
  readonly map: () => ClusterMap;
  readonly createClient: (node: NodePlace, facts: MapFacts) => NodeClient;
}

/** Where a storage node answers, registered or not. */
export type NodePlace = Pick<NodeRecord, "name" | "url">;

/** Whether the storage node is one without a store: it has never registered by itself. */
export function isPlainNode({ storeId, lastStart, isLossAccepted }: NodeRecord): boolean {
  return storeId === null && lastStart === null && !isLossAccepted;
}

export class NodePool {
  readonly #options: NodePoolOptions & NodeLinkOptions;
  readonly #links = new Map<string, NodeLink>();

  constructor(options: NodePoolOptions) {
    this.#options = { ...options, nextBatchId: idSequence(options.clock.nowMs(), "b") };
  }

  get observer(): RoutingObserver {
    return this.#options.observer;
  }

  /** The client of a storage node, past mailbox and breaker. Throws NODE_NOT_FOUND. */
  client(name: string): NodeClient {
    const link = this.#link(name);
    if (link === null) throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${name} is not registered.`);
    return link.client;
  }

  /** Probes a storage node that need not be registered. Rejects with a NodeFault. */
  async probeAt(place: NodePlace, options: CallOptions): Promise<NodeSign> {
    const client = this.#createClient(place);
    try {
      return await client.probe(options);
    } finally {
      await client.close();
    }
  }

  /** One outcome per operation, in order, at the caller's deadline at the latest. Never rejects. */
  execute(name: string, operations: readonly RoutedOperation[], context: RouteContext): Promise<readonly Outcome[]> {
    const link = this.#link(name);
    if (link !== null) return link.execute(operations, context);
    return Promise.resolve(allUnsent(operations, `storage node ${name} is not registered`));
  }

  /** The storage node gave a sign of life elsewhere: a heartbeat, or the answer to a probe. */
  reachable(name: string): void {
    this.#links.get(name)?.reachable();
  }

  figures(name: string): NodeFigures {
    return this.#links.get(name)?.figures ?? { latencyMs: null, breaker: "closed", queued: 0 };
  }

  /** Drops the links of storage nodes that were removed or moved to another URL. To be called on every map change. */
  prune(): void {
    const { nodes } = this.#options.map();
    for (const [name, link] of this.#links) {
      const url = nodes.get(name)?.url;
      if (url === link.record.url) continue;
      this.#links.delete(name);
      link.retire(`${nodeText(link.record)} ${url === undefined ? "was removed" : `moved to ${url}`}`);
    }
  }

  /** Calls in flight are rejected. */
  async close(): Promise<void> {
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  #link(name: string): NodeLink | null {
    const existing = this.#links.get(name);
    if (existing !== undefined) return existing;
    const record = this.#options.map().nodes.get(name);
    if (record === undefined) return null;
    const link = new NodeLink(record, this.#createClient(record), this.#options);
    this.#links.set(name, link);
    return link;
  }

  #createClient(place: NodePlace): NodeClient {
    const { map, createClient } = this.#options;
    return createClient(place, {
      clusterId: () => map().clusterId,
      mayBePlain: () => {
        const record = map().nodes.get(place.name);
        return record === undefined || isPlainNode(record);
      },
    });
  }
}
