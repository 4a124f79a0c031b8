/**
 * Figures that storage nodes report (their keys, bytes and engine), and the gateways of the cluster. They are requested
 * in rounds, a bounded number at once, and only between `start` and `stop`, while a console is open.
 */
import type { Clock } from "../../../core/clock.js";
import type { Log } from "../../../core/log.js";
import type { ClusterView } from "../../cluster/cluster-view.js";
import type { GatewayStatus } from "../../cluster/peers/gateway-status.js";
import type { MembershipService } from "../../services.js";
import { RepeatingTask } from "../../../core/tasks/repeating-task.js";

/** Pause between two rounds of requesting the storage nodes' figures, while a console is open. */
export const consoleFiguresPauseMs = 2_000;

/**
 * Most storage nodes asked for their figures at once: a round over 300 of them takes a moment and is no load for any
 * node.
 */
export const consoleCallsMax = 16;

export interface Figures {
  readonly keys: number | null;
  readonly bytes: number | null;
  readonly engine: string | null;
}

export interface NodeFiguresParts {
  readonly membership: Pick<ClusterView, "map" | "nodeState" | "shardFigures" | "nodeEngine"> &
    Pick<MembershipService, "gateways">;
  readonly clock: Clock;
  readonly log: Log;
}

const unknown: Figures = { keys: null, bytes: null, engine: null };

export class NodeFigures {
  readonly #parts: NodeFiguresParts;
  #known: ReadonlyMap<string, Figures> = new Map();
  #gateways: readonly GatewayStatus[] = [];
  #rounds: RepeatingTask | null = null;

  constructor(parts: NodeFiguresParts) {
    this.#parts = parts;
  }

  /** The figures of the last round; all null for a storage node that did not answer it. */
  of(name: string): Figures {
    return this.#known.get(name) ?? unknown;
  }

  /** The gateways of the last round; empty before the first, and when the request failed. */
  get gateways(): readonly GatewayStatus[] {
    return this.#gateways;
  }

  start(): void {
    const { clock, log } = this.#parts;
    const rounds = new RepeatingTask({ clock, log, pauseMs: consoleFiguresPauseMs, work: () => this.#round(rounds) });
    this.#rounds = rounds;
    rounds.start();
  }

  /** Resolves when no call is running any more. The figures are dropped: they would be outdated at the next start. */
  async stop(): Promise<void> {
    const rounds = this.#rounds;
    this.#rounds = null;
    this.#known = new Map();
    this.#gateways = [];
    await rounds?.stop();
  }

  async #round(rounds: RepeatingTask): Promise<void> {
    const { membership } = this.#parts;
    const names = [...membership.map.nodes.keys()].filter((name) => membership.nodeState(name) !== "DOWN");
    const gateways = await this.#askForGateways();
    if (this.#rounds === rounds) this.#gateways = gateways;
    const told = new Map<string, Figures>();
    const waiting = names.values();
    const askInTurn = async (): Promise<void> => {
      for (const name of waiting) {
        if (this.#rounds !== rounds) return;
        told.set(name, await this.#ask(name));
      }
    };
    await Promise.all(Array.from({ length: consoleCallsMax }, askInTurn));
    if (this.#rounds === rounds) this.#known = told;
  }

  async #askForGateways(): Promise<readonly GatewayStatus[]> {
    const { membership, log } = this.#parts;
    try {
      return await membership.gateways();
    } catch (error) {
      log.debug({ err: error }, "The list of the cluster's gateways could not be read.");
      return [];
    }
  }

  async #ask(name: string): Promise<Figures> {
    const { membership } = this.#parts;
    const [shards, engine] = await Promise.all([membership.shardFigures(name), membership.nodeEngine(name)]);
    if (shards === null) return { ...unknown, engine };
    let keys = 0;
    let bytes = 0;
    for (const { shard, primary } of membership.map.shards) {
      const figures = primary === name ? shards.get(shard) : undefined;
      keys += figures?.keyCount ?? 0;
      bytes += figures?.sizeBytes ?? 0;
    }
    return { keys, bytes, engine };
  }
}
