/**
 * When a gateway takes the lead, as a pure decision: once the leader's beat has not changed for four intervals of this
 * gateway's own monotonic clock, or at once when the map names no leader. Silence is measured in actual reads of the
 * store, each of which counts as at most one interval, so that time in which this process was suspended does not count;
 * and a store that cannot be read is not silence.
 */
import { leaderBeatMs } from "../../core/limits.js";
import { isSameMark, type StoreMark } from "../registry-store.js";

/** The result of one read of the store. */
export type LeaseObservation =
  /** The store cannot be read, or did not confirm the beat. */
  | { readonly kind: "unanswered" }
  /** This gateway leads, and has raised its beat. */
  | { readonly kind: "beaten" }
  /** It does not lead. */
  | {
      readonly kind: "watched";
      /** Null: the store is empty. */
      readonly mark: StoreMark | null;
      readonly hasLeader: boolean;
      /** The store lacks changes that this gateway knows of. */
      readonly isRewound: boolean;
    };

/**
 * `take`: try to take the lead from the leader of this mark. `repair`: the leader has not repaired the rewound store.
 * `giveUp`: do not lead any more, because others cannot see the beat.
 */
export type LeaseStep = "wait" | "take" | "repair" | "giveUp";

export interface LeaseState {
  readonly last: LeaseObservation;
  /** When that look began, in monotonic time; null: there was none. */
  readonly atMs: number | null;
  /** For how long the mark has not changed, or the store has not answered. */
  readonly silentMs: number;
  readonly rewoundMs: number;
}

export const newLease: LeaseState = { last: { kind: "unanswered" }, atMs: null, silentMs: 0, rewoundMs: 0 };

/** `nowMs`: when the look began, in monotonic time. */
export function leaseAfter(
  before: LeaseState,
  observed: LeaseObservation,
  nowMs: number,
): { readonly state: LeaseState; readonly step: LeaseStep } {
  const passedMs = before.atMs === null ? 0 : Math.min(nowMs - before.atMs, leaderBeatMs);
  const silentMs = isSilent(before.last, observed) ? before.silentMs + passedMs : 0;
  const isRewound = observed.kind === "watched" && observed.isRewound;
  const wasRewound = before.last.kind === "watched" && before.last.isRewound;
  const rewoundMs = isRewound && wasRewound ? before.rewoundMs + passedMs : 0;
  const state = { last: observed, atMs: nowMs, silentMs, rewoundMs };
  return { state, step: stepAfter(state) };
}

/** Whether nothing changed between the two reads. */
function isSilent(before: LeaseObservation, now: LeaseObservation): boolean {
  if (now.kind === "unanswered") return before.kind === "unanswered";
  if (now.kind === "beaten" || before.kind !== "watched") return false;
  return isSameMark(before.mark, now.mark);
}

function stepAfter({ last, silentMs, rewoundMs }: LeaseState): LeaseStep {
  // Applies to a leader only: followers do nothing else meanwhile.
  if (last.kind === "unanswered") return silentMs >= unansweredIntervalsMax * leaderBeatMs ? "giveUp" : "wait";
  if (last.kind === "beaten") return "wait";
  if (!last.hasLeader || silentMs >= silentIntervals * leaderBeatMs) return "take";
  return rewoundMs >= silentIntervals * leaderBeatMs ? "repair" : "wait";
}

/** Even if one gateway's clock runs twice as fast as another's, a leader that beats in time is not replaced. */
const silentIntervals = 4;

/**
 * Longer than a fail-over of the store takes. After that another gateway leads, if only this one is cut off: then storage
 * nodes must not stay with it.
 */
const unansweredIntervalsMax = 10;
