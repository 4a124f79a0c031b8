/**
 * Decides whether a storage node is UP, SUSPECT or DOWN for one gateway, by how long the node has been silent. Only
 * monotonic time counts, so that a jump of the wall clock makes no node DOWN; wall-clock times are kept for display.
 * None of this is stored.
 */
import type { Clock } from "../core/clock.js";

/** Silence after which a storage node is SUSPECT, unless the operator says otherwise: three heartbeats lost. */
export const suspectAfterMs = 3_000;

/** Silence after which a storage node is DOWN, unless the operator says otherwise. */
export const downAfterMs = 10_000;

/**
 * The same for a storage node whose shards other nodes of its shared store take over, unless the operator says otherwise.
 * Shorter, because a false alarm costs new epochs and no data.
 */
export const takeoverAfterMs = 3_000;

/** Refused connections in a row after which such a storage node is DOWN at once: one may be a restart of its process. */
export const refusalsUntilDown = 2;

export type NodeState = "UP" | "SUSPECT" | "DOWN";

/** All monotonic milliseconds. */
export interface Silence {
  /** When the node was last seen; null: never since `startedMs`. */
  readonly lastSeenMs: number | null;
  /** When the gateway began to listen. */
  readonly startedMs: number;
  readonly nowMs: number;
  readonly suspectAfterMs: number;
  readonly downAfterMs: number;
}

/** A node that was never seen may still register after the gateway's start: it is SUSPECT before it is DOWN. */
export function nodeState({ lastSeenMs, startedMs, nowMs, suspectAfterMs, downAfterMs }: Silence): NodeState {
  const silentMs = nowMs - (lastSeenMs ?? startedMs);
  if (silentMs >= downAfterMs) return "DOWN";
  return lastSeenMs === null || silentMs >= suspectAfterMs ? "SUSPECT" : "UP";
}

/** Of a storage node. */
export interface SignOfLife {
  readonly name: string;
  /** How long ago: clocks of two processes have nothing else in common. */
  readonly silentMs: number;
}

interface LastSeen {
  /** Null: it was DOWN when the gateway began anew. */
  readonly monotonicMs: number | null;
  readonly wallMs: number;
}

interface Refusals {
  readonly count: number;
  readonly lastMs: number;
}

export interface LivenessParts {
  readonly clock: Clock;
  readonly suspectAfterMs: number;
  readonly downAfterMs: number;
  /** For storage nodes of shared stores; absent: `takeoverAfterMs`. */
  readonly takeoverAfterMs?: number;
  /** Whether other storage nodes share the node's store; absent: none does. */
  readonly isStoreShared?: (name: string) => boolean;
}

/** When each storage node was last seen. A follower judges as of its leader's last answer: see `freeze`. */
export class Liveness {
  readonly #clock: Clock;
  readonly #bounds: { readonly suspectAfterMs: number; readonly downAfterMs: number };
  readonly #takeoverAfterMs: number;
  readonly #isStoreShared: (name: string) => boolean;
  #startedMs: number;
  /** When counting began anew: earlier silence does not count. */
  #anewMs = -Infinity;
  /** The moment as of which nodes are judged; null: now. */
  #frozenMs: number | null = null;
  #mayCallDown: (name: string) => boolean = () => true;
  readonly #lastSeen = new Map<string, LastSeen>();
  /** Since the last sign of life. */
  readonly #refusals = new Map<string, Refusals>();

  constructor(parts: LivenessParts) {
    const { clock, suspectAfterMs, downAfterMs } = parts;
    this.#clock = clock;
    this.#bounds = { suspectAfterMs, downAfterMs };
    this.#takeoverAfterMs = parts.takeoverAfterMs ?? takeoverAfterMs;
    this.#isStoreShared = parts.isStoreShared ?? (() => false);
    this.#startedMs = clock.monotonicMs();
  }

  /** From now on a node is DOWN only when `mayCallDown` agrees; it is SUSPECT until then. Null: its silence alone decides. */
  askBeforeDown(mayCallDown: ((name: string) => boolean) | null): void {
    this.#mayCallDown = mayCallDown ?? (() => true);
  }

  /**
   * Silence after which the node is DOWN. A gateway that has not heard from a node of a shared store since it began to judge
   * waits as long as for any other: after a change of the lead, all of them register anew.
   */
  downAfterMs(name: string): number {
    const seenMs = this.#lastSeen.get(name)?.monotonicMs ?? null;
    const isShort = seenMs !== null && seenMs > this.#anewMs && this.#isStoreShared(name);
    return isShort ? this.#takeoverAfterMs : this.#bounds.downAfterMs;
  }

  /** How long the node has been silent, as far as that counts. */
  silentMs(name: string): number {
    return (this.#frozenMs ?? this.#clock.monotonicMs()) - (this.#heardMs(name) ?? this.#startedMs);
  }

  /** Records a sign of life of the node, just now or that long ago. A later known one is kept. */
  seen(name: string, silentMs = 0): void {
    const monotonicMs = this.#clock.monotonicMs() - silentMs;
    if (monotonicMs < (this.#lastSeen.get(name)?.monotonicMs ?? -Infinity)) return;
    if (monotonicMs >= (this.#refusals.get(name)?.lastMs ?? -Infinity)) this.#refusals.delete(name);
    this.#lastSeen.set(name, { monotonicMs, wallMs: this.#clock.nowMs() - silentMs });
  }

  /**
   * The node refused a connection of this gateway just now. A node of a shared store is SUSPECT after that, and DOWN after
   * `refusalsUntilDown` in a row, however short its silence and whichever gateway has seen it: a refusal is later than that.
   */
  refused(name: string): void {
    this.#refusals.set(name, {
      count: (this.#refusals.get(name)?.count ?? 0) + 1,
      lastMs: this.#clock.monotonicMs(),
    });
  }

  /** A process answers at the node's address, whether or not it may serve. */
  answered(name: string): void {
    this.#refusals.delete(name);
  }

  /**
   * Silence counts from now on, so that no node is DOWN because of a time in which this gateway did not listen itself.
   * A node that is DOWN now counts as never seen until it gives a sign of life.
   */
  beginAnew(): void {
    for (const [name, { wallMs }] of this.#lastSeen) {
      if (this.state(name) === "DOWN") this.#lastSeen.set(name, { monotonicMs: null, wallMs });
    }
    this.#refusals.clear();
    this.#startedMs = this.#clock.monotonicMs();
    this.#anewMs = this.#startedMs;
    this.#frozenMs = null;
  }

  /** For so long, until now, this gateway was suspended and listened to no storage node: that is no silence of theirs. */
  skip(breakMs: number): void {
    this.#startedMs += breakMs;
    for (const [name, seen] of this.#lastSeen) {
      if (seen.monotonicMs !== null) {
        this.#lastSeen.set(name, { ...seen, monotonicMs: this.#afterBreak(seen.monotonicMs, breakMs) });
      }
    }
    for (const [name, refusals] of this.#refusals) {
      this.#refusals.set(name, { ...refusals, lastMs: this.#afterBreak(refusals.lastMs, breakMs) });
    }
  }

  /**
   * Judges as of this moment until it is called again, or `beginAnew`: a follower gets signs of life from its leader
   * only, and may get none.
   */
  freeze(): void {
    this.#frozenMs = this.#clock.monotonicMs();
  }

  get isFrozen(): boolean {
    return this.#frozenMs !== null;
  }

  /** For each node that was seen, how long ago that was. */
  signs(): readonly SignOfLife[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#lastSeen].flatMap(([name, { monotonicMs }]) =>
      monotonicMs === null ? [] : [{ name, silentMs: nowMs - monotonicMs }],
    );
  }

  /** For a node that was removed. */
  forget(name: string): void {
    this.#lastSeen.delete(name);
    this.#refusals.delete(name);
  }

  state(name: string): NodeState {
    const refusals = this.#isStoreShared(name) ? (this.#refusals.get(name)?.count ?? 0) : 0;
    if (refusals >= refusalsUntilDown) return "DOWN";
    const nowMs = this.#frozenMs ?? this.#clock.monotonicMs();
    const lastSeenMs = this.#heardMs(name);
    const { suspectAfterMs } = this.#bounds;
    const silence = { lastSeenMs, startedMs: this.#startedMs, nowMs };
    const state = nodeState({ ...silence, suspectAfterMs, downAfterMs: this.downAfterMs(name) });
    if (state === "UP") return refusals === 0 ? "UP" : "SUSPECT";
    return state === "DOWN" && !this.#mayCallDown(name) ? "SUSPECT" : state;
  }

  /** Whether it gave a sign of life, after it was last DOWN when the gateway began anew. */
  isHeardOf(name: string): boolean {
    return this.#heardMs(name) !== null;
  }

  /** Milliseconds since 1970; null: never. */
  lastSeenAtMs(name: string): number | null {
    return this.#lastSeen.get(name)?.wallMs ?? null;
  }

  /** What was heard before the break was heard that much later; what was heard since, at most just now. */
  #afterBreak(atMs: number, breakMs: number): number {
    return Math.min(atMs + breakMs, this.#clock.monotonicMs());
  }

  #heardMs(name: string): number | null {
    const seenMs = this.#lastSeen.get(name)?.monotonicMs ?? null;
    return seenMs === null ? null : Math.max(seenMs, this.#anewMs);
  }
}
