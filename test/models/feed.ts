/**
 * The change feed of one shard: an index with the newest version of each key (live, or a tombstone), tombstones that
 * are dropped oldest first, and a reader that takes one change per page during writes. The shard may move to another
 * store while it is empty, or be replaced by an older copy. A reader that reaches the end without a gap has exactly the
 * live entries.
 */
import type { Model, ModelState } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** The tombstone whose version is the horizon. */
  readonly horizon: "newestDropped" | "oldestDropped";
  /** What the horizon is compared with. */
  readonly comparedWith: "sinceAndAfter" | "since" | "after" | "nothing";
  /** The horizon after the claim of a store that never owned the shard; null: the shard does not move. */
  readonly claimHorizon: "floorOfEpoch" | "zero" | null;
  /** Whether an older copy may return, and whether the lineage is raised then. */
  readonly loss: "raisesLineage" | "keepsLineage" | null;
  readonly changes: number;
  readonly drops: number;
}

interface Entry {
  version: number;
  isLive: boolean;
}

interface Shard {
  sequence: number;
  index: Record<string, Entry>;
  horizon: number;
}

interface State extends ModelState, Shard {
  epoch: number;
  lineage: number;
  changes: number;
  drops: number;
  hasMoved: boolean;
  hasLost: boolean;
  copy: Shard | null;
  reader: { after: number; since: number; lineage: number; seen: Record<string, number>; isGap: boolean } | null;
}

const keys = ["a", "b"];
const versionsPerEpoch = 10;
const versionOf = (state: State): number => state.epoch * versionsPerEpoch + state.sequence;
const liveOf = (index: Shard["index"]): string =>
  JSON.stringify(keys.filter((key) => index[key]?.isLive).map((key) => [key, index[key]?.version]));

function model(changed: Partial<Rules>): Model<State> {
  const rules: Rules = {
    horizon: "newestDropped",
    comparedWith: "sinceAndAfter",
    claimHorizon: null,
    loss: null,
    changes: 4,
    drops: 2,
    ...changed,
  };
  const empty: Shard = { sequence: 0, index: {}, horizon: 0 };
  const counts = { changes: 0, drops: 0, hasMoved: false, hasLost: false };
  return {
    initial: { broken: null, ...empty, epoch: 1, lineage: 0, ...counts, copy: null, reader: null },
    next(state, { step, fault }) {
      if (state.changes < rules.changes) {
        for (const key of keys) {
          const version = versionOf(state) + 1;
          step(`${key} is put as version ${version}`, (copy) => change(copy, key, true));
          if (state.index[key]?.isLive) step(`${key} is deleted as ${version}`, (copy) => change(copy, key, false));
        }
      }
      const oldest = oldestTombstone(state);
      if (oldest !== null && state.drops < rules.drops) {
        step(`tombstone ${state.index[oldest]?.version} is dropped`, (copy) => drop(copy, oldest, rules));
      }
      if (rules.claimHorizon !== null && !state.hasMoved && liveOf(state.index) === "[]") {
        step("the empty shard goes to another store", (copy) => move(copy, rules));
      }
      if (rules.loss !== null && !state.hasLost) {
        const { sequence, index, horizon } = state;
        if (state.copy === null) fault("a copy is made", (copy) => void (copy.copy = { sequence, index, horizon }));
        else fault("the copy comes back", (copy) => restore(copy, rules));
      }
      if (state.reader === null) step("the reader begins", beginReading);
      else if (!state.reader.isGap) step("the reader asks for a page", (copy) => readPage(copy, rules));
    },
  };
}

function change(state: State, key: string, isLive: boolean): void {
  state.changes++;
  state.sequence++;
  state.index[key] = { version: versionOf(state), isLive };
}

function oldestTombstone({ index }: State): string | null {
  const tombstones = Object.entries(index).filter(([, entry]) => !entry.isLive);
  return tombstones.toSorted(([, a], [, b]) => a.version - b.version)[0]?.[0] ?? null;
}

function drop(state: State, key: string, { horizon }: Rules): void {
  state.drops++;
  const version = state.index[key]?.version ?? 0;
  if (horizon === "newestDropped") state.horizon = Math.max(state.horizon, version);
  else state.horizon ||= version;
  delete state.index[key];
}

/** Tombstones are left behind: the store that claims the shard does not have them. */
function move(state: State, { claimHorizon }: Rules): void {
  state.epoch++;
  const horizon = claimHorizon === "zero" ? 0 : state.epoch * versionsPerEpoch;
  Object.assign(state, { hasMoved: true, sequence: 0, index: {}, horizon });
}

function restore(state: State, { loss }: Rules): void {
  Object.assign(state, state.copy, { sequence: 0, copy: null, hasLost: true });
  state.epoch++;
  if (loss === "raisesLineage") state.lineage++;
}

function beginReading(state: State): void {
  state.reader = { after: 0, since: versionOf(state), lineage: state.lineage, seen: {}, isGap: false };
}

function readPage(state: State, { comparedWith }: Rules): void {
  const { reader } = state;
  if (reader === null) return;
  const { after, since } = reader;
  const known = { sinceAndAfter: Math.max(since, after), since, after, nothing: Infinity }[comparedWith];
  reader.isGap = reader.lineage !== state.lineage || state.horizon > known;
  if (reader.isGap) {
    const hasMissedNothing = reader.lineage === state.lineage && state.horizon <= Math.max(since, after);
    if (hasMissedNothing) state.broken = "a reader that missed nothing is sent back to the beginning";
    return;
  }
  const newer = Object.entries(state.index).filter(([, entry]) => entry.version > after);
  const next = newer.toSorted(([, a], [, b]) => a.version - b.version)[0];
  if (next === undefined) {
    const seen = JSON.stringify(keys.filter((key) => key in reader.seen).map((key) => [key, reader.seen[key]]));
    const live = liveOf(state.index);
    if (seen !== live) state.broken = `at the end, without a gap, the reader has ${seen}; live are ${live}`;
    return;
  }
  const [key, { version, isLive }] = next;
  reader.after = version;
  if (isLive) reader.seen[key] = version;
  else delete reader.seen[key];
}

const { holds, breaks, shortHolds, shortBreaks } = variantsOf(model);

export const feedVariants = [
  shortHolds("the newest dropped tombstone is compared with the larger of since and after", { changes: 3, drops: 1 }),
  holds("the same, six changes", { changes: 6, drops: 3 }),
  shortBreaks("the oldest dropped tombstone is compared", { horizon: "oldestDropped" }),
  shortBreaks("the horizon is compared with the reader's beginning only", { comparedWith: "since" }),
  shortBreaks("the horizon is compared with the last change read only", { comparedWith: "after" }),
  shortBreaks("there is no horizon", { comparedWith: "nothing" }),
  shortHolds("a store that never owned the shard claims it with a horizon", {
    claimHorizon: "floorOfEpoch",
    changes: 3,
  }),
  holds("the same, five changes", { claimHorizon: "floorOfEpoch", changes: 5 }),
  shortBreaks("a store that never owned the shard claims it without a horizon", { claimHorizon: "zero" }),
  shortHolds("an accepted loss raises the lineage", { loss: "raisesLineage", changes: 3, drops: 1 }),
  holds("the same, five changes", { loss: "raisesLineage", changes: 5 }),
  breaks("an older copy comes back within the lineage", { loss: "keepsLineage" }),
];
