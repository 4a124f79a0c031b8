/**
 * Stores with an identity, and one shard that node 0 owns at first. A start is made durable, registered by a message
 * that may be lost or late, acknowledged, and only then served. Processes crash anywhere; folders are copied, restored
 * and emptied; the registry is copied and restored. No acknowledged write becomes invisible without an operator's
 * confirmation, no version is given twice within a lineage, and a node that has lost nothing is never refused.
 */
import type { Model, Steps } from "./checker.js";
import { acceptLoss, markPutBack, register, takeAssignments } from "./identity-registry.js";
import { emptyFolder, initialState, type Rules, type State } from "./identity-state.js";
import { variantsOf } from "./variant.js";

const byDefault: Rules = {
  starts: "all",
  newEpochAtStart: true,
  answersBefore: "nothing",
  requestsFrom: "anyMap",
  putBack: null,
  noticesPutBack: true,
  namesMark: true,
  problemClearedBy: "heartbeat",
  copies: null,
  canAcceptLoss: false,
  isEphemeral: false,
  canMove: false,
  judges: "all",
  startsMax: 3,
  writesMax: 2,
};

function model(changed: Partial<Rules>): Model<State> {
  const rules = { ...byDefault, ...changed };
  const nodes = rules.canMove ? [0, 1] : [0];
  const hasProgress = rules.copies === null || rules.canAcceptLoss;
  const goal = (state: State): boolean => {
    const { owner, epoch } = state.registry;
    return owner !== null && isOpen(state, owner) && state.folders[owner]?.epoch === epoch;
  };
  return {
    initial: initialState(rules),
    next(state, steps) {
      for (const node of nodes) {
        processSteps(state, node, rules, steps);
        requestSteps(state, node, rules, steps);
      }
      for (const [place, registration] of state.registrations.entries()) {
        const receive = (isAnswered: boolean) => (copy: State) => {
          copy.registrations.splice(place, 1);
          register(copy, registration, rules, isAnswered);
        };
        steps.step(`the registration of start ${registration.start} arrives`, receive(true));
        steps.fault(`the answer to the registration of start ${registration.start} is lost`, receive(false));
      }
      folderSteps(state, rules, steps);
      registrySteps(state, rules, steps);
    },
    ...(hasProgress ? { goal } : {}),
  };
}

/** Whether a gateway with the newest map sends requests for the shard to the node, and the node answers them. */
function isOpen(state: State, node: number): boolean {
  const { registry, folders, processes, knownStarts, hasProblem } = state;
  const folder = folders[node];
  if (folder === undefined || registry.putBack !== null || registry.owner !== node) return false;
  const process = processes[node];
  const isServing = process?.isAcknowledged === true && folder.epoch > folder.releasedEpoch && !folder.isSealed;
  return isServing && folder.epoch === registry.epoch && knownStarts[node] === process.start && !hasProblem[node];
}

function processSteps(state: State, node: number, rules: Rules, { step, fault }: Steps<State>): void {
  const process = state.processes[node];
  const folder = state.folders[node];
  if (folder === undefined || process === undefined) return;
  if (process === null) {
    // One start more than there are crashes, so that the last one can serve.
    if (state.starts <= rules.startsMax) step(`node ${node} starts`, (copy) => start(copy, node, rules));
    return;
  }
  if (state.starts < rules.startsMax) fault(`node ${node} crashes`, ({ processes }) => void (processes[node] = null));
  const isSending = state.registrations.some(({ start }) => start === process.start);
  const isKnown = state.knownStarts[node] === process.start;
  if ((!process.isAcknowledged || !isKnown) && !isSending) {
    const { storeId, starts, mapVersion, epoch, releasedEpoch, lineage } = folder;
    const claims = { mapVersion, epoch, releasedEpoch, lineage, mark: state.registry.putBack?.mark ?? 0 };
    step(`node ${node} sends its registration of start ${process.start}`, ({ registrations }) => {
      registrations.push({ node, start: process.start, storeId, starts, ...claims });
    });
  }
  if (!process.isAcknowledged) return;
  if (isKnown && state.registry.putBack === null && state.registry.version > folder.mapVersion) {
    step(`node ${node} takes map ${state.registry.version}`, (copy) => takeAssignments(copy, node));
  }
  if (isKnown && state.hasProblem[node] === true && rules.problemClearedBy === "heartbeat") {
    step(
      `node ${node} sends a heartbeat of start ${process.start}`,
      ({ hasProblem }) => void (hasProblem[node] = false),
    );
  }
}

function start(state: State, node: number, { isEphemeral }: Rules): void {
  const name = `s${++state.starts}`;
  if (isEphemeral && node === 0) state.folders[node] = emptyFolder(`memory of ${name}`);
  state.folders[node]?.starts.push(name);
  state.processes[node] = { start: name, isAcknowledged: false };
}

function requestSteps(state: State, node: number, rules: Rules, { step }: Steps<State>): void {
  const folder = state.folders[node];
  const process = state.processes[node];
  if (folder === undefined || !process) return;
  const missing = rules.judges === "all" ? state.acknowledged.filter((write) => !folder.entries.includes(write)) : [];
  const without = `without acknowledged write ${missing.join()}`;
  if (isOpen(state, node) && state.writes < rules.writesMax) {
    step(`node ${node} acknowledges write ${state.writes + 1}`, (copy) => {
      write(copy, node);
      if (missing.length > 0) copy.broken = `node ${node} takes a write ${without}`;
    });
  }
  const isAnswering = process.isAcknowledged || rules.answersBefore === "reads";
  const believes = isAnswering && folder.epoch > folder.releasedEpoch && !folder.isSealed;
  const isSent = isOpen(state, node) || (rules.requestsFrom === "anyMap" && rules.putBack === null && believes);
  if (isSent && missing.length > 0) {
    step(`node ${node} answers a read`, (copy) => void (copy.broken = `node ${node} answers a read ${without}`));
  }
}

function write(state: State, node: number): void {
  const folder = state.folders[node];
  if (folder === undefined) return;
  state.writes++;
  folder.sequence++;
  folder.entries.push(state.writes);
  state.acknowledged.push(state.writes);
  const version = `${folder.epoch}.${folder.sequence} of lineage ${folder.lineage}`;
  if (state.given.includes(version)) state.broken = `version ${version} is given twice`;
  state.given.push(version);
}

function folderSteps(state: State, { copies, canAcceptLoss, putBack }: Rules, { step, fault }: Steps<State>): void {
  const [folder] = state.folders;
  const lastStart = state.registry.nodes[0]?.lastStart ?? null;
  if (folder !== undefined && copies !== null) {
    const { folderCopy } = state;
    if (folderCopy === null) fault("the folder of node 0 is copied", (copy) => void (copy.folderCopy = folder));
    const isOlder = folderCopy !== null && lastStart !== null && !folderCopy.starts.includes(lastStart);
    if (folderCopy !== null && folder.isHonest && state.processes[0] === null && (copies === "any" || isOlder)) {
      fault("the copy is put back", (copy) => void (copy.folders[0] = { ...folderCopy, isHonest: false }));
    }
    if (state.processes[0] === null && state.emptied < 1) {
      fault("node 0 gets an empty folder", (copy) => {
        copy.folders[0] = emptyFolder(`E${++copy.emptied}`);
      });
    }
  }
  // A node that is up with its newest acknowledged start has no loss to accept.
  const isUp = state.processes[0]?.isAcknowledged === true && state.processes[0].start === lastStart;
  if (canAcceptLoss && state.hasProblem[0] === true && !isUp && state.registry.nodes[0]?.isLossAccepted === false) {
    step("an operator accepts the loss of node 0", (copy) => acceptLoss(copy, 0));
  }
  if (putBack === null || state.hasPutBack || state.registryCopy !== null) return;
  fault("the registry is copied", (copy) => void (copy.registryCopy = state.registry));
}

function registrySteps(state: State, rules: Rules, { step, fault }: Steps<State>): void {
  const { registry, registryCopy } = state;
  const isEmpty = state.folders.every(({ entries }) => entries.length === 0);
  if (rules.canMove && !state.hasMoved && isOpen(state, 0) && state.knownStarts[1] !== null && isEmpty) {
    step("the shard is sealed at node 0", (copy) => {
      copy.hasMoved = true;
      Object.assign(copy.registry, { isSealed: true, version: registry.version + 1 });
      takeAssignments(copy, 0);
    });
  }
  if (registry.isSealed && state.folders[0]?.isSealed === true && registry.putBack === null) {
    const moved = { owner: 1, isSealed: false, version: registry.version + 1, epoch: registry.epoch + 1 };
    step("the empty shard goes to node 1", (copy) => void Object.assign(copy.registry, moved));
  }
  if (registry.isSealed && registry.putBack === null) {
    step("the move is cancelled", ({ registry }) =>
      Object.assign(registry, { isSealed: false, version: registry.version + 1 }),
    );
  }
  if (registryCopy === null || state.hasPutBack || registryCopy.version >= registry.version) return;
  fault("the registry is put back from its copy, and the gateway starts", (copy) => {
    Object.assign(copy, { registry: structuredClone(registryCopy), hasPutBack: true, registryCopy: null });
    Object.assign(copy, { knownStarts: [null, null], hasProblem: [false, false] });
    if (rules.putBack === "byCommand") markPutBack(copy, rules);
  });
}

const { holds, breaks, shortHolds, shortBreaks } = variantsOf(model);

export const identityVariants = [
  shortHolds("registrations are lost and late, processes crash", { startsMax: 2 }),
  holds("the same with three starts", {}),
  shortBreaks("a refused registration that comes late leaves its problem to the next registration", {
    problemClearedBy: "registration",
  }),
  holds("older copies and empty folders wait for the operator's word", {
    copies: "acrossStarts",
    canAcceptLoss: true,
    startsMax: 2,
  }),
  shortBreaks("only the store's id is compared", { copies: "acrossStarts", starts: "storeOnly" }),
  breaks("a copy comes back that knows the newest acknowledged start", { copies: "any" }),
  holds("the same, but no version is given twice", { copies: "any", judges: "versions" }),
  shortBreaks("the same without a new epoch at each start", {
    copies: "any",
    judges: "versions",
    newEpochAtStart: false,
  }),
  shortBreaks("a start answers reads before it is acknowledged", { copies: "acrossStarts", answersBefore: "reads" }),
  shortHolds("a store in memory gets a new lineage at each start", { isEphemeral: true, startsMax: 2 }),
  shortHolds("the registry is put back", { putBack: "byCommand", startsMax: 1 }),
  holds("the same with three starts", { putBack: "byCommand" }),
  shortBreaks("the registry is put back, and starts before the acknowledged one are forgotten", {
    putBack: "byCommand",
    starts: "sinceAcknowledged",
  }),
  holds("the registry is put back after a move", { putBack: "byCommand", canMove: true, startsMax: 2 }),
  breaks("the same, and a registration from before it was put back counts", {
    putBack: "byCommand",
    canMove: true,
    namesMark: false,
    startsMax: 2,
  }),
  breaks("the registry is put back after a move, and nothing marks it", {
    putBack: "asFile",
    noticesPutBack: false,
    canMove: true,
    startsMax: 2,
  }),
  holds("the registry is put back as a mere file, and its nodes' reports mark it", { putBack: "asFile" }),
  breaks("the same after a move, which one node knows and the other does not", {
    putBack: "asFile",
    canMove: true,
    startsMax: 2,
  }),
];
