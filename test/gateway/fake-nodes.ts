/** Storage nodes and the pool that reaches them, for tests of the membership: what each answers is set by the test. */
import { NodeFault, type NodeClient, type NodeKind } from "../../src/routing/node-client.js";
import type { HostedShard, NodeAssignments } from "../../src/wire/membership.js";

export class FakeNode implements NodeClient {
  kind: NodeKind = "full";
  isDown = false;
  /** Answers the probe, but fails at everything else. */
  isBroken = false;
  hosted: HostedShard[] = [];
  readonly told: NodeAssignments[] = [];
  probes = 0;

  async execute(): Promise<never> {
    throw new Error("No operations are expected.");
  }
  async probe(): Promise<NodeKind> {
    this.probes++;
    if (this.isDown) throw new NodeFault("connectionRefused", "The node is down.", true);
    return this.kind;
  }
  async shards(): Promise<readonly HostedShard[] | null> {
    this.#fail();
    return this.kind === "plain" ? null : this.hosted;
  }
  async engine(): Promise<string | null> {
    this.#fail();
    return this.kind === "plain" ? null : "fake";
  }
  async assign(assignments: NodeAssignments): Promise<void> {
    this.#fail();
    this.told.push(assignments);
  }
  async close(): Promise<void> {}

  #fail(): void {
    if (this.isDown || this.isBroken) throw new NodeFault("timeout", "The node does not answer.", false);
  }
}

export class FakePool {
  readonly nodes = new Map<string, FakeNode>();
  readonly reached: string[] = [];
  prunes = 0;

  client(name: string): FakeNode {
    const known = this.nodes.get(name) ?? new FakeNode();
    this.nodes.set(name, known);
    return known;
  }
  figures(): { latencyMs: number | null; breaker: "closed"; queued: number } {
    return { latencyMs: 1.5, breaker: "closed", queued: 0 };
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
