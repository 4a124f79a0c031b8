/** What a gateway does in the model in lease.ts: as lease-loop.ts, map-writer.ts and map-copy.ts do it, over the same decisions. */
import { leaderBeatMs } from "../../src/core/limits.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { heldAfter, repaired } from "../../src/registry/copy/map-descent.js";
import { leaseAfter, type LeaseObservation } from "../../src/registry/lease/lease.js";
import {
  applied,
  idIn,
  isLeading,
  mapIn,
  numberOf,
  textOf,
  type Gateway,
  type Rules,
  type State,
  type Write,
} from "./lease-state.js";

/** Raises the beat, or watches it, as lease-loop.ts does. */
export function look(state: State, self: Gateway, rules: Rules): void {
  const { sinceLookMs } = self;
  self.sinceLookMs = 0;
  if (rules.isDoubting && sinceLookMs > 2 * leaderBeatMs) self.isDoubtful = true;
  if (isLeading(self) && prepare(state, self, rules) && self.write === null) beat(state, self, rules);
  if (self.write !== null) return;
  let observed: LeaseObservation = { kind: "beaten" };
  if (!isLeading(self)) {
    read(state, self, rules);
    const { beat: raised } = state.store;
    const hasLeader = idIn(self.rewound ?? self.known) !== null;
    const mark = { version: mapIn(state.store.text).version, beat: raised };
    observed = { kind: "watched", mark, hasLeader, isRewound: self.rewound !== null };
  }
  const { state: lease, step } = leaseAfter(
    { ...self.lease, atMs: self.lease.atMs === null ? null : 0 },
    observed,
    sinceLookMs,
  );
  const mostMs = 5 * leaderBeatMs;
  const { silentMs, rewoundMs } = lease;
  self.lease = { ...lease, atMs: 0, silentMs: Math.min(silentMs, mostMs), rewoundMs: Math.min(rewoundMs, mostMs) };
  if (step === "take") beginTake(state, self);
  if (step === "repair" && rules.isRepairing) beginRepair(state, self);
}

function beat(state: State, self: Gateway, rules: Rules): void {
  const isVersionSame = mapIn(state.store.text).version === mapIn(self.known).version;
  const isBeatSame = state.store.beat === self.beat;
  if (isVersionSame) state.store = { ...state.store, beat: state.store.beat + 1 };
  if (isVersionSame && isBeatSame) {
    self.beat = state.store.beat;
    return;
  }
  read(state, self, rules);
  prepare(state, self, rules);
}

/** See `MapWriter.prepare`. */
function prepare(state: State, self: Gateway, rules: Rules): boolean {
  if (self.isDoubtful && rules.isDoubting) read(state, self, rules);
  if (isLeading(self) && self.rewound !== null && rules.isRepairing) beginRepair(state, self);
  return isLeading(self);
}

/** What MapCopy makes of a load. */
function read(state: State, self: Gateway, { isIdForgotten }: Pick<Rules, "isIdForgotten">): void {
  const wasLeading = isLeading(self);
  const known = { map: mapIn(self.known), text: textOf(self.known) };
  const stored =
    self.known === state.store.text ? known : { map: mapIn(state.store.text), text: textOf(state.store.text) };
  const before = self.rewound === null ? null : { map: self.rewound === self.known ? known.map : mapIn(self.rewound) };
  const held = heldAfter({ known, rewound: before }, stored);
  self.known = held.known === known ? self.known : state.store.text;
  self.rewound = held.rewound === null ? null : state.store.text;
  self.beat = state.store.beat;
  self.isDoubtful = false;
  named(state, self, { wasLeading, isIdForgotten });
}

function named(
  state: State,
  self: Gateway,
  { wasLeading, isIdForgotten }: { wasLeading: boolean; isIdForgotten: boolean },
): void {
  if (self.leaderId === null || idIn(self.rewound ?? self.known) === self.leaderId) return;
  if (wasLeading) state.lostIds = [...state.lostIds, self.leaderId].toSorted();
  if (isIdForgotten) self.leaderId = null;
}

function beginTake(state: State, self: Gateway): void {
  const expected = { text: self.rewound ?? self.known, beat: self.beat };
  const base = self.rewound === null ? mapIn(self.known) : repairedMap(state, self);
  self.leaderId ??= `id-${++state.ids}`;
  const map = applied(base, { kind: "takeLead", leader: { id: self.leaderId, name: null, url: null } });
  self.write = { kind: "take", isFirstTry: true, expected, text: numberOf(map) };
}

function beginRepair(state: State, self: Gateway): void {
  const expected = { text: self.rewound ?? self.known, beat: self.beat };
  self.write = { kind: "repair", isFirstTry: true, expected, text: numberOf(repairedMap(state, self)) };
}

function repairedMap(state: State, self: Gateway): ClusterMap {
  const newMark = `mark-${state.gateways.indexOf(self)}-${state.repairs}-${state.takes}`;
  const stored = mapIn(self.rewound ?? self.known);
  return repaired(mapIn(self.known), stored, { isLeading: isLeading(self), newMark, nowMs: 0 }).map;
}

/** A change that no other is like, so that one map is not taken for another. */
export function beginChange(state: State, self: Gateway, isFirstTry: boolean, rules: Rules): void {
  if (rules.isDoubting && self.sinceLookMs > 2 * leaderBeatMs) self.isDoubtful = true;
  prepare(state, self, rules);
  if (self.write !== null || (rules.isLeadRequired && !isLeading(self))) return;
  const url = `http://a/${state.gateways.indexOf(self)}/${state.changes}`;
  const map = applied(mapIn(self.known), { kind: "registerNode", name: "a", url, identity: null, newMark: "" });
  self.write = { kind: "change", isFirstTry, expected: { text: self.known, beat: self.beat }, text: numberOf(map) };
}

/** The store compares version and beat, and knows of no more. */
export function compareAndSet(state: State, self: Gateway, rules: Rules, isAnswered: boolean): void {
  const { write } = self;
  if (write === null) return;
  self.write = null;
  if (!isAnswered) state.lostAnswers++;
  const before = state.store;
  const isBeatExpected = before.beat === write.expected.beat;
  const isBeatCompared = write.kind !== "take" || rules.takes === "versionAndBeat";
  const isVersionExpected = mapIn(before.text).version === mapIn(write.expected.text).version;
  const isExpected = isVersionExpected && (isBeatExpected || !isBeatCompared);
  if (isExpected) {
    noteWrite(state, self, write, rules);
    if (!isBeatExpected) state.broken = "a leader that has raised its beat is replaced";
    state.store = { text: write.text, beat: before.beat };
  }
  if (!isAnswered) self.isDoubtful = rules.isDoubting;
  else if (isExpected) {
    const wasLeading = isLeading(self);
    Object.assign(self, { known: write.text, rewound: null, beat: before.beat });
    named(state, self, { wasLeading, isIdForgotten: rules.isIdForgotten });
    if (write.kind === "take" && state.lostIds.includes(self.leaderId ?? ""))
      state.broken = "an id that was lost leads again";
  } else {
    self.write = write;
    retry(state, self, rules);
  }
}

/** A change is made anew on the newest map, as long as it may be made. */
export function retry(state: State, self: Gateway, rules: Rules): void {
  const { write } = self;
  self.write = null;
  read(state, self, rules);
  if (write?.kind === "change" && write.isFirstTry) beginChange(state, self, false, rules);
}

/** What must never be written. */
function noteWrite(state: State, self: Gateway, { kind, text }: Write, rules: Rules): void {
  const before = state.store;
  const isLed = idIn(before.text) === self.leaderId && self.leaderId !== null;
  if (kind === "change") {
    state.changes++;
    if (!isLed) state.broken = "a gateway changes the map, and the map names another leader";
    else if (before.text !== self.known) state.broken = "a change is written over another map than it was made for";
  }
  if (kind === "repair") state.repairs++;
  if (kind === "take") {
    state.takes++;
    const former = state.gateways.find(
      (other) => other.isUp && !other.isPaused && isLeading(other) && other.beat === before.beat,
    );
    const isTrouble = rules.pausesMax + rules.crashesMax + rules.lostAnswersMax + rules.fallBacksMax > 0;
    if (former !== undefined && former !== self && !isTrouble) state.broken = "a leader that beats in time is replaced";
  }
  const { version } = mapIn(text);
  if (!rules.areVersionsChecked) return;
  for (const other of state.gateways) {
    if (other.isUp && other.known !== text && mapIn(other.known).version === version) {
      state.broken = `version ${version} is given to two maps`;
    }
  }
}
