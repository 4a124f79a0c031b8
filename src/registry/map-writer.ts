/**
 * Writes of one process to the registry store: they happen one after the other, so that its own beat does not make its
 * own change fail, and each first reads the store if its map may have changed. The lead is taken, kept and given up
 * here, too; lease/ decides when.
 */
import type { Clock } from "../core/clock.js";
import { leaderBeatMs, registryAttemptsMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { MapCopy } from "./copy/map-copy.js";
import { isPastOf, repaired } from "./copy/map-descent.js";
import type { LeaderRecord } from "./cluster-map.js";
import { applyCommand, type Changed } from "./commands.js";
import type { Lead } from "./lead.js";
import { isSameMark, type StoreMark } from "./registry-store.js";

export interface MapWriterParts {
  readonly copy: MapCopy;
  readonly lead: Lead;
  readonly clock: Clock;
  readonly log: Log;
  /** Generates marks of a restored registry. */
  readonly newMark: () => string;
  readonly self: () => Pick<LeaderRecord, "name" | "url">;
}

export class MapWriter {
  readonly #parts: MapWriterParts;
  /** When the beat was last raised in the present lead, in monotonic time; null: not yet. */
  #lastBeatMs: number | null = null;
  /** Settles, never rejecting, when the last write is done; the next one begins then. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: MapWriterParts) {
    this.#parts = parts;
  }

  /** Runs `work` when all earlier work is done. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** See `Registry.takeLead`. */
  takeLead(judged: StoreMark | null): Promise<boolean> {
    return this.inTurn(async () => {
      const { copy, lead, clock, self } = this.#parts;
      await copy.settleDoubt();
      if (lead.id !== null || !isSameMark(judged, copy.mark)) return lead.id !== null;
      const { map, changes } = copy.rewound === null ? { map: copy.map, changes: [] } : this.#repaired();
      const leader = { id: lead.soughtId(), ...self() };
      const taken = applyCommand(map, { kind: "takeLead", leader }, clock.nowMs());
      this.#lastBeatMs = null;
      try {
        const isTaken = await this.#replace({ map: taken.map, changes });
        // Also where the stored map named this id already, so that no newer one was written.
        if (isTaken) lead.named(copy.map.leader);
      } catch (error) {
        // The write may have happened.
        await copy.refresh();
        if (lead.id === null) throw error;
      }
      return lead.id !== null;
    });
  }

  /** See `Registry.resign`. */
  async resign(): Promise<void> {
    const { clock } = this.#parts;
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = clock.after(resignTimeoutMs, resolve)));
    await Promise.race([this.inTurn(() => this.#resign()), late]);
    cancel();
  }

  /** See `Registry.beat`. */
  beat(): Promise<boolean> {
    const { copy, lead, clock } = this.#parts;
    return this.inTurn(async () => {
      for (let attempt = 1; lead.id !== null && attempt <= registryAttemptsMax; attempt++) {
        if (!(await this.prepare()) || !(await copy.beat())) continue;
        this.#lastBeatMs = clock.monotonicMs();
        break;
      }
      return lead.id !== null;
    });
  }

  /** See `Registry.repair`. */
  repair(): Promise<void> {
    return this.inTurn(async () => {
      const { copy } = this.#parts;
      await copy.settleDoubt();
      if (copy.rewound !== null) await this.#replace(this.#repaired());
    });
  }

  /**
   * To be called in turn before a leader's write: reads the store if the copy may be outdated, and repairs the store if
   * it is rewound. Resolves to whether this process leads and may write: if not, the lead is lost, or the store changed
   * meanwhile.
   */
  async prepare(): Promise<boolean> {
    const { copy, lead, clock } = this.#parts;
    // This process may have been suspended while another one led.
    if (this.#lastBeatMs !== null && clock.monotonicMs() - this.#lastBeatMs > 2 * leaderBeatMs) copy.doubt();
    await copy.settleDoubt();
    if (lead.id !== null && copy.rewound !== null) await this.#replace(this.#repaired());
    return lead.id !== null && copy.rewound === null;
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  async #resign(): Promise<void> {
    const { copy, lead, clock, log } = this.#parts;
    try {
      for (let attempt = 1; lead.id !== null && attempt <= registryAttemptsMax; attempt++) {
        if (!(await this.prepare())) continue;
        await copy.replace(applyCommand(copy.map, { kind: "resignLead", leaderId: lead.id }, clock.nowMs()));
      }
    } catch (error) {
      log.warn(
        { err: error },
        "The registry store did not take this gateway's resignation. Another gateway takes the lead when its beat stops.",
      );
    }
    lead.giveUp();
  }

  /** What a rewound store gets. */
  #repaired(): Changed {
    const { copy, lead, clock, newMark } = this.#parts;
    const facts = { isLeading: lead.id !== null, newMark: newMark(), nowMs: clock.nowMs() };
    return repaired(copy.map, copy.rewound?.map ?? null, facts);
  }

  /** Says so when this repairs the store. */
  async #replace(changed: Changed): Promise<boolean> {
    const { copy, lead, log } = this.#parts;
    const { rewound } = copy;
    const facts = { knownVersion: copy.map.version, storedVersion: rewound?.map?.version ?? null };
    const isLossless = rewound !== null && lead.id !== null && isPastOf(rewound.map, copy.map);
    const isWritten = await copy.replace(changed);
    if (isWritten && rewound !== null) {
      log.warn({ ...facts, mapVersion: copy.map.version }, isLossless ? writtenAgain : markedAsRestored);
    }
    return isWritten;
  }
}

const writtenAgain =
  "The registry store had lost changes of the cluster map. This gateway leads and has written its newer map again; nothing that it knew of is lost.";
export const markedAsRestored =
  "The registry store had lost changes of the cluster map. It is marked as restored: no shard is served until every storage node has " +
  "registered again; for a node that is lost for good, run `shardgate node accept-loss NAME`.";

/** A resignation saves others some seconds of waiting; a gateway that stops does not wait longer for it. */
const resignTimeoutMs = 3_000;
