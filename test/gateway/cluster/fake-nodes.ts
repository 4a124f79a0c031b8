/** Storage nodes and the pool that reaches them, for tests of the membership: what each answers is set by the test. */
import {
  NodeFault,
  type NodeClient,
  type NodeKind,
  type NodeSign,
} from "../../../src/routing/node-client/node-client.js";
import type { NodePlace } from "../../../src/routing/node-pool.js";
import type { AssignedShard, HostedShard, NodeAssignments } from "../../../src/wire/membership.js";

export class FakeNode implements NodeClient {
  /** The name it says to have; null: as a plain one, it says none. */
  name: string | null;
  isAcknowledged = true;
  kind: NodeKind = "full";
  /** The cluster whose data it says to keep. */
  clusterId: string | null = null;
  isDown = false;
  /** Answers the probe, but fails at everything else. */
  isBroken = false;
  /** Claims what it is told, but never says that a shard is sealed. */
  isUnsealing = false;
  /** Figures of shards; the claims of those that it was told are added. */
  hosted: HostedShard[] = [];
  /** Called when it is asked for its shards. */
  onShards: () => void | Promise<void> = () => {};
  /** Called when it gets assignments, before it takes them; what it throws is all that comes back. */
  onAssign: () => Promise<void> = async () => {};
  /** Called when it is probed. */
  onProbe: () => void | Promise<void> = () => {};
  readonly told: NodeAssignments[] = [];
  probes = 0;
  #claims: readonly AssignedShard[] = [];

  constructor(name: string) {
    this.name = name;
  }

  async execute(): Promise<never> {
    throw new Error("No operations are expected.");
  }
  async probe(): Promise<NodeSign> {
    this.probes++;
    await this.onProbe();
    if (this.isDown) throw new NodeFault("connectionRefused", "The node is down.", true);
    const { kind, clusterId, isAcknowledged } = this;
    return { kind, name: kind === "full" ? this.name : null, clusterId, isAcknowledged };
  }
  async shards(): Promise<readonly HostedShard[] | null> {
    this.#fail();
    await this.onShards();
    if (this.kind === "plain") return null;
    const claimed = new Set(this.#claims.map(({ shardId }) => shardId));
    return [
      ...this.#claims.map((claim) => this.#row(claim)),
      ...this.hosted.filter((row) => !claimed.has(row.shardId)),
    ];
  }
  async engine(): Promise<string | null> {
    this.#fail();
    return this.kind === "plain" ? null : "fake";
  }
  async assign(assignments: NodeAssignments): Promise<void> {
    this.#fail();
    await this.onAssign();
    this.told.push(assignments);
    this.accept(assignments);
  }
  async close(): Promise<void> {}

  /** Claims what an answer of the gateway tells. */
  accept({ clusterId, shards }: NodeAssignments): void {
    this.clusterId = clusterId;
    this.#claims = shards ?? this.#claims;
  }

  /** Has claimed nothing, as with an empty folder. */
  forget(): void {
    this.#claims = [];
  }

  #row({ shardId, epoch, lineage = 0, sealedFor }: AssignedShard): HostedShard {
    const { keyCount, sizeBytes } = this.hosted.find((row) => row.shardId === shardId) ?? hosted(shardId, 0);
    return { shardId, epoch, keyCount, sizeBytes, lineage, sealedFor: this.isUnsealing ? null : (sealedFor ?? null) };
  }

  #fail(): void {
    if (this.isDown || this.isBroken) throw new NodeFault("timeout", "The node does not answer.", false);
  }
}

/** Where a gateway answers. */
export const gatewayUrl = "http://gateway:4000";

export class FakePool {
  readonly nodes: Map<string, FakeNode>;
  readonly reached: string[] = [];
  /** Storage nodes whose connections were refused since the last look. */
  refused: string[] = [];
  /** When storage nodes last answered a request of a client; monotonic. */
  readonly answered = new Map<string, number>();
  prunes = 0;
  readonly #listeners = new Set<(node: string) => void>();
  /** Nothing answers from here. */
  isCut = false;

  /** `nodes`: those of another pool, which are reached from here, too. */
  constructor(nodes = new Map<string, FakeNode>()) {
    this.nodes = nodes;
  }

  client(name: string): FakeNode {
    if (this.isCut) return Object.assign(new FakeNode(name), { isDown: true });
    const known = this.nodes.get(name) ?? new FakeNode(name);
    this.nodes.set(name, known);
    return known;
  }
  probeAt({ name, url }: NodePlace): Promise<NodeSign> {
    if (url === gatewayUrl) return Promise.reject(new NodeFault("gateway", "The node is a gateway.", true));
    return this.client(name).probe();
  }
  figures(): { latencyMs: number | null; breaker: "closed"; queued: number } {
    return { latencyMs: 1.5, breaker: "closed", queued: 0 };
  }
  lastServedMs(name: string): number | null {
    return this.answered.get(name) ?? null;
  }
  takeRefused(): readonly string[] {
    const { refused } = this;
    this.refused = [];
    return refused;
  }
  onRefused(listener: (node: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** A request of a client meets a refused connection. */
  refuse(name: string): void {
    this.refused.push(name);
    for (const listener of this.#listeners) listener(name);
  }
  prune(): void {
    this.prunes++;
  }
  reachable(name: string): void {
    this.reached.push(name);
  }
}

/** What a full storage node says of a shard. */
export function hosted(shardId: number, keyCount: number, epoch: number | null = null): HostedShard {
  return { shardId, epoch, keyCount, sizeBytes: keyCount * 10 };
}

/** Ids in order, for tests: "id-1", "id-2". */
export function idsInOrder(): () => string {
  let count = 0;
  return () => `id-${++count}`;
}
