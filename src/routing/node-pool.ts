/** The mailboxes of all storage nodes in the cluster map: created when first needed, and removed with their node. */
import { ShardgateError } from "../core/error.js";
import { idSequence } from "../core/tasks/id-sequence.js";
import type { ClusterMap, NodeRecord } from "../registry/cluster-map.js";
import type { NodeCallOptions, NodeClient, MapFacts, NodeSign } from "./node-client/node-client.js";
import { Deadlines } from "./mailbox/deadlines.js";
import { Mailbox, type MailboxParts, type MailboxFigures } from "./mailbox/mailbox.js";
import { NextTurn } from "./mailbox/next-turn.js";
import type { RoutingObserver } from "./observer.js";
import { nodeText } from "./refusal.js";
import type { Submission } from "./mailbox/submission.js";

export interface NodePoolOptions extends Omit<
  MailboxParts,
  "nextBatchId" | "deadlines" | "turn" | "onRefused" | "onUsable"
> {
  /** The current cluster map. */
  readonly map: () => ClusterMap;
  readonly createClient: (node: NodePlace, facts: MapFacts) => NodeClient;
}

/** Hears of what may make requests succeed that were refused. */
export interface PoolListener {
  mapChanged(): void;
  /** The storage node may be asked again after its breaker was open. */
  usable(node: string): void;
  close(): void;
}

/** The address of a storage node, registered or not. */
export type NodePlace = Pick<NodeRecord, "name" | "url">;

/** Whether the storage node has no store, because it has never registered by itself. */
export function isPlainNode({ storeId, lastStart, isLossAccepted }: NodeRecord): boolean {
  return storeId === null && lastStart === null && !isLossAccepted;
}

export class NodePool {
  readonly #options: NodePoolOptions & MailboxParts;
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #refusedListeners = new Set<(node: string) => void>();
  #listener: PoolListener | null = null;

  constructor(options: NodePoolOptions) {
    const { clock } = options;
    this.#options = {
      ...options,
      nextBatchId: idSequence(clock.nowMs(), "b"),
      deadlines: new Deadlines({ clock, onPassed: (submission: Submission) => submission.expire() }),
      turn: new NextTurn(),
      onRefused: (node) => {
        for (const listener of this.#refusedListeners) listener(node);
      },
      onUsable: (node) => this.#listener?.usable(node),
    };
  }

  get observer(): RoutingObserver {
    return this.#options.observer;
  }

  /** From now on `listener` hears of every change. It replaces an earlier listener. */
  listen(listener: PoolListener): void {
    this.#listener = listener;
  }

  /** The client of a storage node, bypassing mailbox and breaker. Throws NODE_NOT_FOUND. */
  client(name: string): NodeClient {
    const mailbox = this.#mailbox(name);
    if (mailbox === null) throw new ShardgateError("NODE_NOT_FOUND", `Storage node ${name} is not registered.`);
    return mailbox.client;
  }

  /** Probes a storage node that may be unregistered. Rejects with a NodeFault. */
  async probeAt(place: NodePlace, options: NodeCallOptions): Promise<NodeSign> {
    const client = this.#createClient(place);
    try {
      return await client.probe(options);
    } finally {
      await client.close();
    }
  }

  /** Answers the submission at its caller's deadline at the latest. */
  submit(name: string, submission: Submission): void {
    const mailbox = this.#mailbox(name);
    if (mailbox !== null) mailbox.submit(submission);
    else submission.refuseUnsent(`storage node ${name} is not registered`);
  }

  /**
   * Records a sign of life of the storage node that reached the gateway elsewhere: a heartbeat, or the answer to a
   * probe.
   */
  reachable(name: string): void {
    this.#mailboxes.get(name)?.circuit.reachable();
  }

  figures(name: string): MailboxFigures {
    return this.#mailboxes.get(name)?.figures ?? { latencyMs: null, breaker: "closed", queued: 0 };
  }

  /** When the storage node last executed an operation, on the monotonic clock; null: never. */
  lastServedMs(name: string): number | null {
    return this.#mailboxes.get(name)?.circuit.lastServedMs ?? null;
  }

  /** Storage nodes that have refused a connection since the last call of this function, and answered nothing since. */
  takeRefused(): readonly string[] {
    return [...this.#mailboxes].flatMap(([name, { circuit }]) => (circuit.takeRefused() ? [name] : []));
  }

  /** Calls `listener` with the storage node of each refused connection; returns the function that stops it. */
  onRefused(listener: (node: string) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  /**
   * Removes the mailboxes of storage nodes that were removed or have a new URL, and has waiting operations find the new
   * owners of their shards. Call after every map change.
   */
  prune(): void {
    const { nodes, shards } = this.#options.map();
    for (const [name, mailbox] of this.#mailboxes) {
      const record = nodes.get(name);
      if (record?.isStoreShared === true) mailbox.takenOver(shards);
      if (record?.url === mailbox.record.url) continue;
      this.#mailboxes.delete(name);
      mailbox.retire(`${nodeText(mailbox.record)} ${record === undefined ? "was removed" : `moved to ${record.url}`}`);
    }
    this.#listener?.mapChanged();
  }

  /** Rejects calls in flight. */
  async close(): Promise<void> {
    this.#listener?.close();
    const mailboxes = [...this.#mailboxes.values()];
    this.#mailboxes.clear();
    await Promise.all(mailboxes.map((mailbox) => mailbox.close()));
  }

  #mailbox(name: string): Mailbox | null {
    const existing = this.#mailboxes.get(name);
    if (existing !== undefined) return existing;
    const record = this.#options.map().nodes.get(name);
    if (record === undefined) return null;
    const mailbox = new Mailbox(record, this.#createClient(record), this.#options);
    this.#mailboxes.set(name, mailbox);
    return mailbox;
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
