/**
 * How a follower checks storage nodes that look silent to the leader: it probes each of them, and counts the answers to
 * its own requests for keys. An answer of a node keeps the leader from calling that node DOWN.
 */
import type { Clock } from "../../../core/clock.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { NodeSign } from "../../../routing/node-client/node-client.js";
import { isPlainNode, type NodePool } from "../../../routing/node-pool.js";
import type { GatewayBeat, NodeVerdict } from "../../../wire/gateway-peers.js";
import type { NodeCalls } from "../node-calls.js";

export interface NodeVerdictsParts {
  readonly map: () => ClusterMap;
  readonly calls: Pick<NodeCalls, "probe" | "stop">;
  readonly pool: Pick<NodePool, "lastAnswerMs" | "takeRefused">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class NodeVerdicts {
  readonly #parts: NodeVerdictsParts;
  #looking: Promise<readonly NodeVerdict[]> = Promise.resolve([]);

  constructor(parts: NodeVerdictsParts) {
    this.#parts = parts;
  }

  /** Begins to look for these storage nodes, each of which has `probeTimeoutMs` to answer. */
  look(doubted: readonly string[]): void {
    this.#looking = Promise.all(doubted.map((name) => this.#verdict(name)));
  }

  /** The verdicts for the next beat, once all nodes have answered or their time is up. */
  async take(): Promise<Pick<GatewayBeat, "seen" | "refused">> {
    const seen = await this.#looking;
    return { seen, refused: this.#parts.pool.takeRefused() };
  }

  /** Gives up the calls in flight. */
  stop(): void {
    this.#parts.calls.stop();
  }

  async #verdict(name: string): Promise<NodeVerdict> {
    const { calls, pool, clock } = this.#parts;
    const sign = await calls.probe(name).catch(() => null);
    if (sign !== null && this.#isItself(name, sign)) return [name, 0];
    const lastAnswerMs = pool.lastAnswerMs(name);
    return [name, lastAnswerMs === null ? null : clock.monotonicMs() - lastAnswerMs];
  }

  /** Whether the storage node itself answered, and may serve. */
  #isItself(node: string, { kind, name, clusterId, isAcknowledged }: NodeSign): boolean {
    const map = this.#parts.map();
    const record = map.nodes.get(node);
    if (record === undefined) return false;
    if (kind === "plain") return isPlainNode(record);
    return name === node && clusterId === map.clusterId && isAcknowledged;
  }
}
