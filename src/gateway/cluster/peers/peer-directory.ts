/**
 * The leader's record of the other gateways: the time of each one's last beat, and whether it has seen the storage
 * nodes that are silent here. The leader calls a storage node DOWN only after every live gateway has reported that it
 * has not seen the node either; one that has seen it vetoes. A gateway that is silent itself is not waited for. Pure:
 * the caller passes all times.
 */
import { ShardgateError } from "../../../core/error.js";
import type { GatewayBeat, GatewayRow } from "../../../wire/gateway-peers.js";

/** All monotonic milliseconds. */
export interface PeerDirectoryBounds {
  /** Silence after which a gateway is not waited for any more. */
  readonly liveMs: number;
  /** For this long after a gateway has seen a storage node, that is a veto. */
  readonly downAfterMs: number;
}

/** Most gateways of a cluster: far more than one needs, so that names that change at each start do not pile up. */
export const gatewaysMax = 256;

/** Silence after which a gateway is no longer listed. */
const forgottenMs = 60_000;

interface KnownGateway {
  readonly url: string | null;
  readonly mapVersion: number;
  readonly beatMs: number;
}

export class PeerDirectory {
  readonly #bounds: PeerDirectoryBounds;
  readonly #gateways = new Map<string, KnownGateway>();
  /** By doubted storage node, then by gateway that has answered since: when it saw the node; null: it did not. */
  #doubts: ReadonlyMap<string, Map<string, number | null>> = new Map();

  constructor(bounds: PeerDirectoryBounds) {
    this.#bounds = bounds;
  }

  /** Gateway `name` lives. Throws OVERLOADED for one too many. */
  beat(name: string, { url, mapVersion, seen }: GatewayBeat, nowMs: number): void {
    this.#forgetOld(nowMs);
    if (!this.#gateways.has(name) && this.#gateways.size >= gatewaysMax) {
      const message = `The cluster has ${gatewaysMax} gateways already, which is the maximum; gateway ${name} is not taken.`;
      throw new ShardgateError("OVERLOADED", message);
    }
    this.#gateways.set(name, { url, mapVersion, beatMs: nowMs });
    for (const [node, silentMs] of seen) {
      const verdicts = this.#doubts.get(node);
      const before = verdicts?.get(name) ?? null;
      const seenMs = silentMs === null ? null : nowMs - silentMs;
      // A later report does not end a veto early.
      verdicts?.set(name, before === null || seenMs === null ? (seenMs ?? before) : Math.max(before, seenMs));
    }
  }

  /** From now on these storage nodes are doubted, and no others; what was said since an earlier call counts on. */
  doubt(nodes: readonly string[]): void {
    this.#doubts = new Map(nodes.map((node) => [node, this.#doubts.get(node) ?? new Map<string, number | null>()]));
  }

  get doubted(): readonly string[] {
    return [...this.#doubts.keys()];
  }

  /** Whether every live gateway has looked for the doubted storage node, and none has seen it lately. */
  mayCallDown(node: string, nowMs: number): boolean {
    const { liveMs, downAfterMs } = this.#bounds;
    const verdicts = this.#doubts.get(node);
    for (const [name, { beatMs }] of this.#gateways) {
      if (nowMs - beatMs >= liveMs) continue;
      const seenMs = verdicts?.get(name);
      if (seenMs === undefined || (seenMs !== null && nowMs - seenMs < downAfterMs)) return false;
    }
    return true;
  }

  /** Gateways seen lately, by name. */
  rows(nowMs: number): readonly GatewayRow[] {
    this.#forgetOld(nowMs);
    return [...this.#gateways]
      .map(([name, { url, mapVersion, beatMs }]) => {
        return { name, url, isLeader: false, mapVersion, silentMs: Math.round(nowMs - beatMs) };
      })
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  #forgetOld(nowMs: number): void {
    for (const [name, { beatMs }] of this.#gateways) if (nowMs - beatMs >= forgottenMs) this.#gateways.delete(name);
  }
}
