/** The states of the model in lease.ts: the store, and what each gateway knows and is about to write. */
import { leaderBeatMs } from "../../src/core/limits.js";
import type { ClusterMap } from "../../src/registry/cluster-map.js";
import { applyCommand, type RegistryCommand } from "../../src/registry/commands.js";
import { newLease, type LeaseState } from "../../src/registry/lease/lease.js";
import { clusterMapFromText, clusterMapToText } from "../../src/registry/text/cluster-map-text.js";
import type { ModelState } from "./checker.js";

export interface Rules {
  /** How fast each gateway's clock runs, in halves. */
  readonly rates: readonly number[];
  readonly pausesMax: number;
  readonly crashesMax: number;
  readonly lostAnswersMax: number;
  readonly fallBacksMax: number;
  readonly takesMax: number;
  readonly changesMax: number;
  /** Whether a change is refused unless the map that it is tried on names the gateway. */
  readonly isLeadRequired: boolean;
  /** What of the judged mark a take compares. */
  readonly takes: "versionAndBeat" | "versionOnly";
  /** Whether an id that was lost may be used again. */
  readonly isIdForgotten: boolean;
  /** Whether the store is read anew before a write, after an unanswered call or a pause. */
  readonly isDoubting: boolean;
  readonly isRepairing: boolean;
  /** Whether it is checked that no version is given to two maps: not when a gateway that knows of one is not there. */
  readonly areVersionsChecked: boolean;
}

/** Numbers of texts, see `numberOf`. */
export type TextNumber = number;

export interface Store {
  text: TextNumber;
  beat: number;
}

export interface Write {
  readonly kind: "take" | "change" | "repair";
  readonly isFirstTry: boolean;
  readonly expected: Store;
  readonly text: TextNumber;
}

export interface Gateway {
  isUp: boolean;
  isPaused: boolean;
  leaderId: string | null;
  known: TextNumber;
  rewound: TextNumber | null;
  beat: number;
  isDoubtful: boolean;
  lease: LeaseState;
  sinceLookMs: number;
  write: Write | null;
}

export interface State extends ModelState {
  store: Store;
  copy: Store | null;
  gateways: Gateway[];
  lostIds: string[];
  ids: number;
  pauses: number;
  crashes: number;
  lostAnswers: number;
  fallBacks: number;
  takes: number;
  changes: number;
  repairs: number;
}

export function started(store: Store): Gateway {
  return {
    isUp: true,
    isPaused: false,
    leaderId: null,
    known: store.text,
    rewound: null,
    beat: store.beat,
    isDoubtful: false,
    lease: newLease,
    sinceLookMs: leaderBeatMs,
    write: null,
  };
}

export function isLeading({ known, rewound, leaderId }: Gateway): boolean {
  return leaderId !== null && idIn(known) === leaderId && (rewound === null || idIn(rewound) === leaderId);
}

/** Only which of the beats are equal matters, and their order. */
export function numberBeats(state: State): void {
  const beats = new Set([state.store.beat, state.copy?.beat ?? state.store.beat]);
  for (const { beat: known, lease, write } of state.gateways) {
    beats.add(known);
    if (lease.last.kind === "watched" && lease.last.mark !== null) beats.add(lease.last.mark.beat);
    if (write !== null) beats.add(write.expected.beat);
  }
  const numbers = new Map([...beats].toSorted((a, b) => a - b).map((number, index) => [number, index]));
  const of = (number: number): number => numbers.get(number) ?? 0;
  const ofStore = (store: Store): Store => ({ text: store.text, beat: of(store.beat) });
  state.store = ofStore(state.store);
  state.copy = state.copy && ofStore(state.copy);
  for (const gateway of state.gateways) {
    gateway.beat = of(gateway.beat);
    const { last } = gateway.lease;
    if (last.kind === "watched" && last.mark !== null) {
      const mark = { version: last.mark.version, beat: of(last.mark.beat) };
      gateway.lease = { ...gateway.lease, last: { ...last, mark } };
    }
    if (gateway.write !== null) gateway.write = { ...gateway.write, expected: ofStore(gateway.write.expected) };
  }
}

const texts: string[] = [];
const maps: ClusterMap[] = [];
const numbers = new Map<string, TextNumber>();

/** States hold the numbers of texts, so that they stay small. */
export function numberOf(map: ClusterMap): TextNumber {
  const text = clusterMapToText(map);
  const known = numbers.get(text);
  if (known !== undefined) return known;
  texts.push(text);
  numbers.set(text, texts.length - 1);
  return texts.length - 1;
}

export function textOf(number: TextNumber): string {
  return texts[number] ?? "";
}

export function mapIn(number: TextNumber): ClusterMap {
  const map = maps[number] ?? clusterMapFromText(textOf(number));
  maps[number] = map;
  return map;
}

export function idIn(number: TextNumber): string | null {
  return mapIn(number).leader?.id ?? null;
}

export function applied(map: ClusterMap, command: RegistryCommand): ClusterMap {
  return applyCommand(map, command, 0).map;
}
