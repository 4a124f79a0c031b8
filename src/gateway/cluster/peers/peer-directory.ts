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
  /**
   * For this long after a gateway has seen the storage node, that is a veto. For this long after a doubt began, a gateway that
   * has not looked for the node yet is waited for; one that has not looked by then has just started.
   */
  readonly downAfterMs: (node: string) => number;
}

/** Most gateways of a cluster: far more than one needs, so that names that change at each start do not pile up. */
export const gatewaysMax = 256;

/** Silence after which a gateway is no longer listed. */
const forgottenMs = 60_000;

interface KnownGateway {
  readonly name: string;
  readonly url: string | null;
  readonly mapVersion: number;
  readonly beatMs: number;
}

interface Doubt {
  readonly sinceMs: number;
  /** By gateway that has answered since: when it saw the storage node; null: it did not. */
  readonly verdicts: Map<string, number | null>;
}

export class PeerDirectory {
  readonly #bounds: PeerDirectoryBounds;
  /** By `keyOf`. */
  readonly #gateways = new Map<string, KnownGateway>();
  /** By doubted storage node. */
  #doubts: ReadonlyMap<string, Doubt> = new Map();

  constructor(bounds: PeerDirectoryBounds) {
    this.#bounds = bounds;
  }

  /** Gateway `name` lives. Throws OVERLOADED for one too many. */
  beat(name: string, { url, mapVersion, seen }: GatewayBeat, nowMs: number): void {
    this.#forgetOld(nowMs);
    const key = keyOf(name, url);
    if (!this.#gateways.has(key) && this.#gateways.size >= gatewaysMax) {
      const message = `The cluster has ${gatewaysMax} gateways already, which is the maximum; gateway ${name} is not taken.`;
      throw new ShardgateError("OVERLOADED", message);
    }
    this.#gateways.set(key, { name, url, mapVersion, beatMs: nowMs });
    for (const [node, silentMs] of seen) {
      const verdicts = this.#doubts.get(node)?.verdicts;
      const before = verdicts?.get(key) ?? null;
      const seenMs = silentMs === null ? null : nowMs - silentMs;
      // A later report does not end a veto early.
      verdicts?.set(key, before === null || seenMs === null ? (seenMs ?? before) : Math.max(before, seenMs));
    }
  }

  /** From now on these storage nodes are doubted, and no others; what was said since an earlier call counts on. */
  doubt(nodes: readonly string[], nowMs: number): void {
    const begun = (): Doubt => ({ sinceMs: nowMs, verdicts: new Map() });
    this.#doubts = new Map(nodes.map((node) => [node, this.#doubts.get(node) ?? begun()]));
  }

  get doubted(): readonly string[] {
    return [...this.#doubts.keys()];
  }

  /** Whether every live gateway has looked for the doubted storage node, or had its time, and none has seen it lately. */
  mayCallDown(node: string, nowMs: number): boolean {
    const { liveMs } = this.#bounds;
    const downAfterMs = this.#bounds.downAfterMs(node);
    const doubt = this.#doubts.get(node);
    const isWaitedFor = doubt === undefined || nowMs - doubt.sinceMs < downAfterMs;
    for (const [key, { beatMs }] of this.#gateways) {
      if (nowMs - beatMs >= liveMs) continue;
      const seenMs = doubt?.verdicts.get(key);
      if (seenMs === undefined ? isWaitedFor : seenMs !== null && nowMs - seenMs < downAfterMs) return false;
    }
    return true;
  }

  /** Whether gateways were seen within the last minute, and all of them are silent now. */
  hasLostAll(nowMs: number): boolean {
    this.#forgetOld(nowMs);
    const beats = [...this.#gateways.values()];
    return beats.length > 0 && beats.every(({ beatMs }) => nowMs - beatMs >= this.#bounds.liveMs);
  }

  /** Gateways seen lately, by name. */
  rows(nowMs: number): readonly GatewayRow[] {
    this.#forgetOld(nowMs);
    return [...this.#gateways.values()]
      .map(({ name, url, mapVersion, beatMs }) => {
        return { name, url, isLeader: false, mapVersion, silentMs: Math.round(nowMs - beatMs) };
      })
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { beatMs }] of this.#gateways) {
      if (nowMs - beatMs < forgottenMs) continue;
      this.#gateways.delete(key);
      // A storage node may be doubted for as long as it is gone.
      for (const { verdicts } of this.#doubts.values()) verdicts.delete(key);
    }
  }
}

/** Two gateways that were given one name are two all the same: each has a say of its own. */
function keyOf(name: string, url: string | null): string {
  return JSON.stringify([name, url]);
}
