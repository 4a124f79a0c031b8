/**
 * How a follower checks storage nodes that look silent to the leader: it probes each of them, and counts the answers to
 * its own requests for keys. An answer of a node keeps the leader from calling that node DOWN.
 */
import type { Clock } from "../../../core/clock.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { NodeSign } from "../../../routing/node-client/node-client.js";
import { isPlainNode } from "../../../routing/node-pool.js";
import type { GatewayBeat, NodeVerdict } from "../../../wire/gateway-peers.js";
import type { NodeCalls } from "../node-calls.js";
import type { NodeEvidence } from "../node-evidence.js";

export interface NodeVerdictsParts {
  readonly map: () => ClusterMap;
  readonly calls: Pick<NodeCalls, "probe" | "stop">;
  readonly evidence: Pick<NodeEvidence, "silences" | "takeRefused">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** When the storage node answered a probe, on the monotonic clock; null: it did not. */
type Answer = readonly [node: string, answeredMs: number | null];

export class NodeVerdicts {
  readonly #parts: NodeVerdictsParts;
  #looking: Promise<readonly Answer[]> = Promise.resolve([]);

  constructor(parts: NodeVerdictsParts) {
    this.#parts = parts;
  }

  /** Begins to look for these storage nodes, each of which has `probeTimeoutMs` to answer. */
  look(doubted: readonly string[]): void {
    this.#looking = Promise.all(doubted.map(async (name): Promise<Answer> => [name, await this.#probe(name)]));
  }

  /**
   * The verdicts for the next beat, once all nodes have answered or their time is up. Each is taken once: after a beat
   * without an answer, the leader asks again.
   */
  async take(): Promise<Pick<GatewayBeat, "seen" | "refused">> {
    const { evidence, clock } = this.#parts;
    const answers = await this.#looking;
    this.#looking = Promise.resolve([]);
    const silences = await evidence.silences(answers.map(([name]) => name));
    const nowMs = clock.monotonicMs();
    const seen = answers.map(([name, answeredMs], index): NodeVerdict => {
      const known = [answeredMs === null ? null : nowMs - answeredMs, silences[index] ?? null];
      const times = known.filter((silentMs) => silentMs !== null);
      // Gateways exchange whole milliseconds.
      return [name, times.length === 0 ? null : Math.max(0, Math.round(Math.min(...times)))];
    });
    return { seen, refused: evidence.takeRefused() };
  }

  /** Gives up the calls in flight. */
  stop(): void {
    this.#parts.calls.stop();
  }

  /** When the storage node answered; null: it did not, or may not serve. */
  async #probe(name: string): Promise<number | null> {
    const { calls, clock } = this.#parts;
    const sign = await calls.probe(name).catch(() => "silent" as const);
    return typeof sign === "object" && this.#isItself(name, sign) ? clock.monotonicMs() : null;
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
