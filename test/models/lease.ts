/**
 * The lead as the code takes, keeps and loses it: the real lease, commands and repairs are driven through every order of
 * looks, writes and faults. A write is decided in one step and compared and set in a later one, so that others come in
 * between. Beats are numbered anew in each state, in order: only which of them are equal matters. A store that falls back is
 * away for some seconds, in which every call fails: then the calls under way are lost, and each gateway knows of it.
 */
import { leaderBeatMs } from "../../src/core/limits.js";
import { createClusterMap } from "../../src/registry/commands.js";
import type { Model, Steps } from "./checker.js";
import { beginChange, compareAndSet, look, retry } from "./lease-gateway.js";
import {
  applied,
  idIn,
  isLeading,
  numberBeats,
  numberOf,
  started,
  type Gateway,
  type Rules,
  type State,
  type Store,
} from "./lease-state.js";
import { variantsOf } from "./variant.js";

const byDefault: Rules = {
  rates: [2, 2],
  pausesMax: 1,
  crashesMax: 0,
  lostAnswersMax: 0,
  fallBacksMax: 0,
  takesMax: 2,
  changesMax: 1,
  isLeadRequired: true,
  takes: "versionAndBeat",
  isIdForgotten: true,
  isDoubting: true,
  isRepairing: true,
  areVersionsChecked: true,
};

type Fault = Steps<State>["fault"];
type Step = Steps<State>["step"];

function model(changed: Partial<Rules>): Model<State> {
  const rules = { ...byDefault, ...changed };
  const created = createClusterMap({ clusterId: "c", clusterName: "test", shardCount: 1 });
  const withNode = applied(created, { kind: "registerNode", name: "a", url: "http://a", identity: null, newMark: "" });
  const map = applied(withNode, { kind: "takeLead", leader: { id: "id-1", name: null, url: null } });
  const store: Store = { text: numberOf(map), beat: 0 };
  const gateways = rules.rates.map((_, index) => ({ ...started(store), leaderId: index === 0 ? "id-1" : null }));
  const counts = { pauses: 0, crashes: 0, lostAnswers: 0, fallBacks: 0, takes: 0, changes: 0, repairs: 0 };
  return {
    initial: { broken: null, store, copy: null, gateways, lostIds: [], ids: 1, ...counts },
    next(state, steps) {
      const numbered: Steps<State> = {
        step: (label, change) => steps.step(label, (copy) => (change(copy), numberBeats(copy))),
        fault: (label, change) => steps.fault(label, (copy) => (change(copy), numberBeats(copy))),
      };
      if (state.gateways.every(mayWait)) numbered.step("time passes", (copy) => letTimePass(copy, rules));
      for (const index of state.gateways.keys()) gatewaySteps(state, index, rules, numbered);
      storeFaults(state, rules, numbered.fault);
    },
    goal: (state) => isBounded(state, rules) || isAgreed(state),
  };
}

/** Where exploring ends, because nothing more may be taken, changed or repaired. */
function isBounded({ takes, repairs }: State, { takesMax }: Rules): boolean {
  return takes >= takesMax || repairs >= repairsMax;
}

const repairsMax = 3;

/** All that run have the stored map, and one of them leads. */
function isAgreed({ gateways, store }: State): boolean {
  const running = gateways.filter(({ isUp, isPaused }) => isUp && !isPaused);
  const isSame = running.every(({ known, rewound }) => known === store.text && rewound === null);
  return isSame && running.some((gateway) => isLeading(gateway) && idIn(store.text) === gateway.leaderId);
}

/** Whether a gateway has done all that it must do within this half of an interval. */
function mayWait({ isUp, isPaused, sinceLookMs, write }: Gateway): boolean {
  return !isUp || isPaused || (write === null && sinceLookMs < leaderBeatMs);
}

function letTimePass({ gateways }: State, { rates }: Rules): void {
  for (const [index, gateway] of gateways.entries()) {
    const passedMs = ((rates[index] ?? 2) * leaderBeatMs) / 4;
    gateway.sinceLookMs = Math.min(gateway.sinceLookMs + passedMs, 3 * leaderBeatMs);
  }
}

function gatewaySteps(state: State, index: number, rules: Rules, { step, fault }: Steps<State>): void {
  const gateway = state.gateways[index];
  if (gateway === undefined) return;
  const of = (run: (copy: State, self: Gateway) => void) => (copy: State) => {
    const self = copy.gateways[index];
    if (self !== undefined) run(copy, self);
  };
  const name = `gateway ${index}`;
  if (gateway.isPaused)
    step(
      `${name} goes on`,
      of((_, self) => (self.isPaused = false)),
    );
  if (!gateway.isUp)
    step(
      `${name} starts`,
      of((copy, self) => Object.assign(self, started(copy.store))),
    );
  if (gateway.isPaused || !gateway.isUp) return;
  if (state.pauses < rules.pausesMax)
    fault(
      `${name} is paused`,
      of((copy, self) => (copy.pauses++, (self.isPaused = true))),
    );
  if (state.crashes < rules.crashesMax)
    fault(
      `${name} crashes`,
      of((copy, self) => (copy.crashes++, Object.assign(self, { ...started(copy.store), isUp: false }))),
    );
  if (gateway.write !== null) {
    writeSteps({ state, gateway, name, rules }, of, step, fault);
    return;
  }
  if (isBounded(state, rules)) return;
  if (gateway.sinceLookMs >= leaderBeatMs)
    step(
      `${name} looks at the store`,
      of((copy, self) => look(copy, self, rules)),
    );
  if (gateway.leaderId !== null && state.changes < rules.changesMax)
    step(
      `${name} begins a change`,
      of((copy, self) => beginChange(copy, self, true, rules)),
    );
}

function writeSteps(
  { state, gateway, name, rules }: { state: State; gateway: Gateway; name: string; rules: Rules },
  of: (run: (copy: State, self: Gateway) => void) => (copy: State) => void,
  step: Step,
  fault: Fault,
): void {
  const kind = gateway.write?.kind ?? "change";
  step(
    `${name} writes its ${kind}`,
    of((copy, self) => compareAndSet(copy, self, rules, true)),
  );
  if (state.lostAnswers < rules.lostAnswersMax)
    fault(
      `${name} writes its ${kind} and does not hear of it`,
      of((copy, self) => compareAndSet(copy, self, rules, false)),
    );
  if (state.lostAnswers < rules.lostAnswersMax && gateway.write?.isFirstTry === true)
    fault(
      `${name} fails to write its ${kind} at the first try`,
      of((copy, self) => {
        copy.lostAnswers++;
        retry(copy, self, rules);
      }),
    );
}

function storeFaults({ copy: kept, fallBacks, store }: State, { fallBacksMax }: Rules, fault: Fault): void {
  if (fallBacks >= fallBacksMax) return;
  if (kept === null) fault("the store makes a copy", (copy) => (copy.copy = copy.store));
  else if (kept.text !== store.text || kept.beat !== store.beat) {
    fault("the store falls back to its copy", (copy) => {
      copy.fallBacks++;
      copy.store = kept;
      for (const gateway of copy.gateways) {
        Object.assign(gateway, { sinceLookMs: 3 * leaderBeatMs, isDoubtful: true, write: null });
      }
    });
  }
}

const { holds, shortHolds, shortBreaks } = variantsOf(model);

const fallsBack: Partial<Rules> = { pausesMax: 0, fallBacksMax: 1, takesMax: 3, changesMax: 2 };
const fallsBackUnseen: Partial<Rules> = { fallBacksMax: 1, takesMax: 3, areVersionsChecked: false };

export const leaseVariants = [
  shortHolds("a leader that beats keeps the lead", { pausesMax: 0 }),
  shortHolds("it does so when the other's clock is twice as fast", { pausesMax: 0, rates: [2, 4] }),
  shortHolds("a gateway is paused, also before a compare-and-set", {}),
  holds("the same twice, and a first try fails or is not answered", { pausesMax: 2, lostAnswersMax: 1, changesMax: 2 }),
  holds("gateways crash, and answers are lost", { crashesMax: 1, lostAnswersMax: 1, takesMax: 3 }),
  holds("three gateways, of which one is paused", { rates: [2, 2, 4] }),
  shortBreaks("a take does not compare the beat", { takes: "versionOnly" }),
  shortBreaks("a change is not refused to a gateway that does not lead", { isLeadRequired: false }),
  shortHolds("the store falls back to its copy, and all see it", fallsBack),
  holds("the same with three gateways", { ...fallsBack, rates: [2, 2, 2] }),
  shortHolds("the store falls back to its copy while a gateway is paused", { ...fallsBackUnseen, takesMax: 2 }),
  holds("gateways are paused and crash, and the store falls back", {
    ...fallsBackUnseen,
    takesMax: 2,
    crashesMax: 1,
  }),
  holds("the store falls back twice", { ...fallsBackUnseen, fallBacksMax: 2 }),
  shortBreaks("it falls back, and is not repaired", { ...fallsBack, isRepairing: false }),
  shortBreaks("it falls back, and an id that was lost may lead again", { ...fallsBackUnseen, isIdForgotten: false }),
  shortBreaks("it falls back, and is not read anew after a pause", { ...fallsBackUnseen, isDoubting: false }),
];
