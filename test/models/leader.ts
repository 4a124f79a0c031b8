/**
 * Which of several gateways leads: the map names it by an id, and beside the map there is a beat that it raises.
 * Watchers judge by monotonic clocks of their own, which run at different rates; any gateway may be paused or crash;
 * the database may lose its last writes. Only the gateway that the map names commands, and a leader that raises its
 * beat is not replaced.
 */
import type { Model, ModelState, Steps } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** What a gateway that takes the lead compares beside the leader that it saw. */
  readonly takes: "versionAndBeat" | "versionOnly";
  /** When a command is compared with the leader in the map. */
  readonly commandChecked: "atEachTry" | "atItsBeginning";
  /** How a leader is named: by a new random id each time, or by the next number. */
  readonly ids: "drawn" | "counted";
  /** How long a beat must not have changed, in units of the slowest clock's interval between two beats. */
  readonly silence: number;
  /** The rate of each gateway's clock. */
  readonly rates: readonly number[];
  readonly pausesMax: number;
  readonly crashesMax: number;
  readonly leadersMax: number;
  readonly canLoseTail: boolean;
}

interface Gateway {
  isUp: boolean;
  isPaused: boolean;
  /** The id under which it leads, or believes to; 0: it watches. */
  leadsAs: number;
  sinceBeat: number;
  /** The leader that it saw last, whether the beat has changed since, and for how long it has not. */
  seenLeader: number;
  hasBeatChanged: boolean;
  silentFor: number;
  hasPolled: boolean;
  wantsLead: boolean;
  isCommanding: boolean;
}

interface State extends ModelState {
  leader: number;
  gateways: Gateway[];
  /** Number of drawn ids, and the gateway that each belongs to. */
  ids: number;
  owners: Record<string, number[]>;
  takes: number;
  pauses: number;
  crashes: number;
  copyOfLeader: number | null;
  hasLostTail: boolean;
}

const byDefault: Rules = {
  takes: "versionAndBeat",
  commandChecked: "atEachTry",
  ids: "drawn",
  silence: 4,
  rates: [1, 2],
  pausesMax: 1,
  crashesMax: 1,
  leadersMax: 3,
  canLoseTail: false,
};

function model(changed: Partial<Rules>): Model<State> {
  const rules = { ...byDefault, ...changed };
  const gateways = rules.rates.map((_, index) => ({ ...watching, leadsAs: index === 0 ? 1 : 0, seenLeader: 1 }));
  const counts = { takes: 1, pauses: 0, crashes: 0 };
  return {
    initial: {
      broken: null,
      leader: 1,
      gateways,
      ids: 1,
      owners: { 1: [0] },
      ...counts,
      copyOfLeader: null,
      hasLostTail: false,
    },
    next(state, steps) {
      if (state.gateways.every(mayWait)) steps.step("time passes", ({ gateways }) => letTimePass(gateways, rules));
      for (const index of state.gateways.keys()) gatewaySteps(state, index, rules, steps);
      if (!rules.canLoseTail || state.hasLostTail) return;
      const { leader, copyOfLeader } = state;
      if (copyOfLeader === null) steps.fault("the database makes a copy", (copy) => void (copy.copyOfLeader = leader));
      else if (copyOfLeader !== leader) {
        steps.fault("the database fails over and has lost its tail", (copy) => loseTail(copy, copyOfLeader));
      }
    },
    goal: ({ gateways, leader, takes }) =>
      takes >= rules.leadersMax ||
      gateways.some(({ leadsAs, isUp, isPaused }) => leadsAs === leader && isUp && !isPaused),
  };
}

const watching: Gateway = {
  isUp: true,
  isPaused: false,
  leadsAs: 0,
  sinceBeat: 0,
  seenLeader: 0,
  hasBeatChanged: false,
  silentFor: 0,
  hasPolled: false,
  wantsLead: false,
  isCommanding: false,
};

/** Whether a gateway has done everything that it must do within one unit of time. */
function mayWait(gateway: Gateway): boolean {
  if (!gateway.isUp || gateway.isPaused) return true;
  return gateway.leadsAs > 0 ? gateway.sinceBeat < 1 : gateway.hasPolled && !gateway.wantsLead;
}

function letTimePass(gateways: Gateway[], { rates, silence }: Rules): void {
  for (const [index, gateway] of gateways.entries()) {
    const rate = rates[index] ?? 1;
    gateway.sinceBeat = Math.min(gateway.sinceBeat + rate, silence);
    gateway.silentFor = Math.min(gateway.silentFor + rate, silence);
    gateway.hasPolled = false;
  }
}

function loseTail(state: State, leader: number): void {
  Object.assign(state, { leader, hasLostTail: true });
  for (const gateway of state.gateways) gateway.hasBeatChanged = true;
}

function gatewaySteps(state: State, index: number, rules: Rules, { step, fault }: Steps<State>): void {
  const gateway = state.gateways[index];
  if (gateway === undefined) return;
  const become = (copy: State, changes: Partial<Gateway>): void =>
    void Object.assign(copy.gateways[index] ?? {}, changes);
  if (gateway.isPaused) step(`gateway ${index} goes on`, (copy) => become(copy, { isPaused: false }));
  if (!gateway.isUp) step(`gateway ${index} starts`, (copy) => become(copy, watching));
  if (gateway.isPaused || !gateway.isUp) return;
  if (state.pauses < rules.pausesMax) {
    fault(`gateway ${index} is paused`, (copy) => (copy.pauses++, become(copy, { isPaused: true })));
  }
  if (state.crashes < rules.crashesMax) {
    fault(`gateway ${index} crashes`, (copy) => (copy.crashes++, become(copy, { ...watching, isUp: false })));
  }
  if (gateway.leadsAs > 0) {
    if (gateway.sinceBeat >= 1) step(`gateway ${index} raises its beat`, (copy) => raiseBeat(copy, index));
    commandSteps(gateway, index, rules, step);
  } else if (gateway.wantsLead) {
    if (state.takes < rules.leadersMax) step(`gateway ${index} takes the lead`, (copy) => take(copy, index, rules));
  } else if (!gateway.hasPolled) step(`gateway ${index} looks at the beat`, (copy) => poll(copy, index, rules));
}

/** A command is begun and written in two steps: the map may get another leader in between. */
function commandSteps(gateway: Gateway, index: number, rules: Rules, step: Steps<State>["step"]): void {
  const { leadsAs } = gateway;
  if (!gateway.isCommanding) {
    step(`gateway ${index} begins a command`, ({ gateways, leader }) => {
      if (rules.commandChecked === "atEachTry" || leader === leadsAs)
        Object.assign(gateways[index] ?? {}, { isCommanding: true });
    });
    return;
  }
  step(`gateway ${index} writes its command`, (copy) => {
    Object.assign(copy.gateways[index] ?? {}, { isCommanding: false });
    if (rules.commandChecked === "atEachTry" && copy.leader !== leadsAs) return;
    if (copy.leader !== leadsAs) copy.broken = `gateway ${index} commands, and the map names another leader`;
    else if ((copy.owners[leadsAs]?.length ?? 0) > 1) copy.broken = `two gateways command as leader ${leadsAs}`;
  });
}

/** A leader that the map no longer names becomes a watcher. */
function raiseBeat(state: State, index: number): void {
  const gateway = state.gateways[index];
  if (gateway === undefined) return;
  gateway.sinceBeat = 0;
  if (gateway.leadsAs !== state.leader) {
    Object.assign(gateway, { ...watching, hasPolled: true });
    return;
  }
  for (const other of state.gateways) if (other !== gateway) other.hasBeatChanged = true;
}

function poll(state: State, index: number, { silence }: Rules): void {
  const gateway = state.gateways[index];
  if (gateway === undefined) return;
  gateway.hasPolled = true;
  if (gateway.hasBeatChanged || gateway.seenLeader !== state.leader) {
    Object.assign(gateway, { hasBeatChanged: false, seenLeader: state.leader, silentFor: 0 });
  } else if (gateway.silentFor >= silence) gateway.wantsLead = true;
}

function take(state: State, index: number, { takes, ids, pausesMax }: Rules): void {
  const gateway = state.gateways[index];
  if (gateway === undefined) return;
  gateway.wantsLead = false;
  if (state.leader !== gateway.seenLeader || (takes === "versionAndBeat" && gateway.hasBeatChanged)) {
    gateway.silentFor = 0;
    return;
  }
  const former = state.gateways.find(({ leadsAs, isUp, isPaused }) => leadsAs === state.leader && isUp && !isPaused);
  if (former !== undefined && gateway.hasBeatChanged) state.broken = "a leader that has raised its beat is replaced";
  else if (former !== undefined && pausesMax === 0) state.broken = "a leader that was never paused is replaced";
  const id = ids === "drawn" ? ++state.ids : state.leader + 1;
  state.takes++;
  state.leader = id;
  state.owners[id] = [...new Set([...(state.owners[id] ?? []), index])];
  Object.assign(gateway, { leadsAs: id, sinceBeat: 0 });
  for (const other of state.gateways) if (other !== gateway) other.hasBeatChanged = true;
}

const { holds, breaks, shortHolds, shortBreaks } = variantsOf(model);

export const leaderVariants = [
  shortHolds("map version and beat are compared, and each try of a command is checked", { crashesMax: 0 }),
  holds("the same with three gateways", { rates: [1, 2, 1] }),
  shortBreaks("the beat is not compared", { takes: "versionOnly" }),
  shortBreaks("a command is checked at its beginning only", { commandChecked: "atItsBeginning" }),
  shortHolds("a watcher's clock is twice as fast and waits for four beats", { pausesMax: 0, crashesMax: 0 }),
  shortBreaks("a watcher's clock is twice as fast and waits for two beats", { pausesMax: 0, silence: 2 }),
  holds("the database loses its tail, and each leader draws a new id", {
    canLoseTail: true,
    leadersMax: 4,
    rates: [1, 1, 1],
  }),
  breaks("the database loses its tail, and leaders are counted", {
    canLoseTail: true,
    ids: "counted",
    rates: [1, 1, 1],
  }),
];
