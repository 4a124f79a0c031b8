/**
 * What the silence of a storage node means to one gateway. Judged by monotonic time alone, so that a jump of the wall
 * clock declares nobody dead; the wall clock is only kept for people. Nothing of this is stored.
 */
import type { Clock } from "../core/clock.js";

/** Silence after which a storage node is SUSPECT, unless the operator says otherwise: three heartbeats lost. */
export const suspectAfterMs = 3_000;

/** Silence after which a storage node is DOWN, unless the operator says otherwise. */
export const downAfterMs = 10_000;

export type NodeState = "UP" | "SUSPECT" | "DOWN";

/** All monotonic milliseconds. */
export interface Silence {
  /** When the node was last heard of; null: never since `startedMs`. */
  readonly lastSeenMs: number | null;
  /** When the gateway began to listen. */
  readonly startedMs: number;
  readonly nowMs: number;
  readonly suspectAfterMs: number;
  readonly downAfterMs: number;
}

/** A node that was never heard of may still be on its way after the gateway's start: it is SUSPECT before it is DOWN. */
export function nodeState({ lastSeenMs, startedMs, nowMs, suspectAfterMs, downAfterMs }: Silence): NodeState {
  const silentMs = nowMs - (lastSeenMs ?? startedMs);
  if (silentMs >= downAfterMs) return "DOWN";
  return lastSeenMs === null || silentMs >= suspectAfterMs ? "SUSPECT" : "UP";
}

/** When each storage node was last heard of. */
export class Liveness {
  readonly #clock: Clock;
  readonly #bounds: { readonly suspectAfterMs: number; readonly downAfterMs: number };
  readonly #startedMs: number;
  readonly #lastSeen = new Map<string, { readonly monotonicMs: number; readonly wallMs: number }>();

  constructor({
    clock,
    suspectAfterMs,
    downAfterMs,
  }: {
    readonly clock: Clock;
    readonly suspectAfterMs: number;
    readonly downAfterMs: number;
  }) {
    this.#clock = clock;
    this.#bounds = { suspectAfterMs, downAfterMs };
    this.#startedMs = clock.monotonicMs();
  }

  /** The node gave a sign of life, just now or that long ago. What is known of later is kept. */
  seen(name: string, silentMs = 0): void {
    const monotonicMs = this.#clock.monotonicMs() - silentMs;
    if (monotonicMs < (this.#lastSeen.get(name)?.monotonicMs ?? -Infinity)) return;
    this.#lastSeen.set(name, { monotonicMs, wallMs: this.#clock.nowMs() - silentMs });
  }

  /** Of each node that was ever heard of, how long ago that was. */
  signs(): readonly { readonly name: string; readonly silentMs: number }[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#lastSeen].map(([name, { monotonicMs }]) => ({ name, silentMs: nowMs - monotonicMs }));
  }

  /** For a node that was removed. */
  forget(name: string): void {
    this.#lastSeen.delete(name);
  }

  state(name: string): NodeState {
    const lastSeenMs = this.#lastSeen.get(name)?.monotonicMs ?? null;
    return nodeState({ lastSeenMs, startedMs: this.#startedMs, nowMs: this.#clock.monotonicMs(), ...this.#bounds });
  }

  /** Milliseconds since 1970; null: never. */
  lastSeenAtMs(name: string): number | null {
    return this.#lastSeen.get(name)?.wallMs ?? null;
  }
}
