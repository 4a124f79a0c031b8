/**
 * One shard in a store that two storage nodes share, as a database will be. The map names the owner and its epoch; an
 * owner claims that epoch durably; a write reads what it needs, is planned, and is committed only if the claim equals
 * its epoch and the sequence is unchanged. Messages may be arbitrarily late, nodes give up on commits that happen
 * nevertheless, and the database fails over. Requests come from gateways with any map.
 */
import type { Model, ModelState } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** Which epochs of a write the claim permits. */
  readonly fence: "equal" | "notBelow" | "none";
  /** What a read is compared with: the claim in the snapshot, or nothing. */
  readonly readFence: "inSnapshot" | "none";
  /** The effect of claiming an epoch that is claimed already. */
  readonly claimAgain: "changesNothing" | "beginsItsNumbersAgain";
  /** Which part of the shard's header must be unchanged since the plan. */
  readonly commitCompares: "claimAndSequence" | "sequenceWithinEpoch" | "nothing";
  /** What a former owner releases. */
  readonly release: "itsOwnEpoch" | "whateverIsClaimed";
  readonly epochsMax: number;
  readonly writes: number;
  readonly reads: number;
  readonly canFailOver: boolean;
  /** Whether the former primary database still answers reads. */
  readonly deposedAnswers: boolean;
}

interface Store {
  epoch: number;
  releasedEpoch: number;
  sequence: number;
  version: number;
  commits: number;
}

interface Write {
  stage: "new" | "sent" | "read" | "abandoned" | "acknowledged" | "refused" | "unknown";
  node: number;
  epoch: number;
  /** The version that the write requires; null: any. */
  condition: number | null;
  seenVersion: number;
  seenEpoch: number;
  seenSequence: number;
}

interface State extends ModelState {
  map: { owner: number; epoch: number };
  nodes: { claimedEpoch: number; connection: number }[];
  stores: Store[];
  writes: Write[];
  reads: { stage: "new" | "sent" | "done"; node: number; epoch: number; commitsSeen: number }[];
  given: number[];
  /** Number of commits that are known to have happened. */
  commitsKnown: number;
}

const versionsPerEpoch = 10;
const byDefault: Rules = {
  fence: "equal",
  readFence: "inSnapshot",
  claimAgain: "changesNothing",
  commitCompares: "claimAndSequence",
  release: "itsOwnEpoch",
  epochsMax: 2,
  writes: 2,
  reads: 1,
  canFailOver: false,
  deposedAnswers: false,
};

function model(changed: Partial<Rules>): Model<State> {
  const rules = { ...byDefault, ...changed };
  const write: Write = {
    stage: "new",
    node: 0,
    epoch: 0,
    condition: null,
    seenVersion: 0,
    seenEpoch: 0,
    seenSequence: 0,
  };
  return {
    initial: {
      broken: null,
      map: { owner: 0, epoch: 1 },
      nodes: [
        { claimedEpoch: 1, connection: 0 },
        { claimedEpoch: 0, connection: 0 },
      ],
      stores: [{ epoch: 1, releasedEpoch: 0, sequence: 0, version: 0, commits: 0 }],
      writes: Array.from({ length: rules.writes }, () => write),
      reads: Array.from({ length: rules.reads }, () => ({ stage: "new", node: 0, epoch: 0, commitsSeen: 0 })),
      given: [],
      commitsKnown: 0,
    },
    next(state, steps) {
      if (state.map.epoch < rules.epochsMax) {
        const owner = 1 - state.map.owner;
        steps.step(`the map makes node ${owner} the owner`, ({ map }) =>
          Object.assign(map, { owner, epoch: map.epoch + 1 }),
        );
      }
      for (const node of [0, 1]) nodeSteps(state, node, rules, steps);
      for (const index of state.writes.keys()) writeSteps(state, index, rules, steps);
      for (const index of state.reads.keys()) readSteps(state, index, rules, steps);
      if (rules.canFailOver && state.stores.length === 1) {
        steps.fault("the database fails over", (copy) => void copy.stores.push({ ...primaryOf(copy) }));
      }
    },
    goal: ({ map, stores }) => {
      const store = stores.at(-1);
      return store !== undefined && store.epoch === map.epoch && store.releasedEpoch < store.epoch;
    },
  };
}

type StepsOf = Parameters<Model<State>["next"]>[1];

function primaryOf({ stores }: State): Store {
  const store = stores.at(-1);
  if (store === undefined) throw new Error("There is always a store.");
  return store;
}

function nodeSteps(state: State, node: number, rules: Rules, { step, fault }: StepsOf): void {
  const self = state.nodes[node];
  const store = primaryOf(state);
  const isConnected = self?.connection === state.stores.length - 1;
  if (self === undefined) return;
  if (!isConnected) {
    step(`node ${node} connects to the new primary`, ({ nodes, stores }) => {
      nodes[node] = { claimedEpoch: 0, connection: stores.length - 1 };
    });
    return;
  }
  const { owner, epoch } = state.map;
  if (owner === node && self.claimedEpoch < epoch) {
    step(`node ${node} claims epoch ${epoch}`, (copy) => claim(copy, node, rules));
  }
  if (owner !== node && self.claimedEpoch > 0) {
    step(`node ${node} gives up epoch ${self.claimedEpoch}`, (copy) => {
      const given = rules.release === "itsOwnEpoch" ? self.claimedEpoch : store.epoch;
      primaryOf(copy).releasedEpoch = Math.max(store.releasedEpoch, given);
      copy.nodes[node] = { ...self, claimedEpoch: 0 };
    });
  }
  if (self.claimedEpoch > 0) {
    fault(`node ${node} crashes and starts`, ({ nodes }) => void (nodes[node] = { ...self, claimedEpoch: 0 }));
  }
}

function claim(state: State, node: number, { claimAgain }: Rules): void {
  const store = primaryOf(state);
  const self = state.nodes[node];
  if (store.epoch < state.map.epoch || claimAgain === "beginsItsNumbersAgain") {
    Object.assign(store, { epoch: state.map.epoch, sequence: 0 });
  }
  if (self !== undefined) self.claimedEpoch = state.map.epoch;
}

function writeSteps(state: State, index: number, rules: Rules, { step, fault }: StepsOf): void {
  const write = state.writes[index];
  if (write === undefined) return;
  const change = (copy: State, changes: Partial<Write>): void => void (copy.writes[index] = { ...write, ...changes });
  const isNext = index === 0 || state.writes[index - 1]?.stage !== "new";
  const isLast = index > 0 && index === state.writes.length - 1;
  const store = primaryOf(state);
  if (write.stage === "new" && isNext) {
    for (let epoch = 1; epoch <= state.map.epoch; epoch++) {
      const node = (epoch + 1) % 2;
      const condition = isLast ? store.version : null;
      step(`write ${index} goes to node ${node} with epoch ${epoch}`, (copy) =>
        change(copy, { stage: "sent", node, epoch, condition }),
      );
    }
  }
  if (write.stage === "sent") {
    step(`node ${write.node} reads what write ${index} needs`, (copy) =>
      change(copy, {
        stage: "read",
        seenVersion: store.version,
        seenEpoch: store.epoch,
        seenSequence: store.sequence,
      }),
    );
  }
  const isConnected = state.nodes[write.node]?.connection === state.stores.length - 1;
  if (write.stage === "read" || write.stage === "abandoned") {
    if (isConnected) step(`the store commits write ${index}`, (copy) => commit(copy, index, rules));
    else step(`the connection of write ${index} is gone`, (copy) => change(copy, { stage: "unknown" }));
  }
  if (write.stage === "read") {
    fault(`node ${write.node} gives up on write ${index}`, (copy) => change(copy, { stage: "abandoned" }));
  }
}

/** All in one transaction: fence, sequence and condition, and the version that it takes. */
function commit(state: State, index: number, { fence, commitCompares }: Rules): void {
  const write = state.writes[index];
  const store = primaryOf(state);
  if (write === undefined) return;
  const isAbandoned = write.stage === "abandoned";
  const isOwned = store.epoch > store.releasedEpoch;
  const passes = { equal: write.epoch === store.epoch && isOwned, notBelow: write.epoch >= store.epoch, none: true }[
    fence
  ];
  const isSequenceSame = write.seenSequence === store.sequence;
  const isPlanValid = {
    claimAndSequence: isSequenceSame && write.seenEpoch === store.epoch,
    sequenceWithinEpoch: isSequenceSame,
    nothing: true,
  }[commitCompares];
  if (passes && !isPlanValid) {
    write.stage = isAbandoned ? "unknown" : "sent";
    return;
  }
  if (!passes || (write.condition !== null && write.condition !== write.seenVersion)) {
    write.stage = isAbandoned ? "unknown" : "refused";
    return;
  }
  const version = (fence === "equal" ? store.epoch : write.epoch) * versionsPerEpoch + store.sequence + 1;
  if (write.condition !== null && write.condition !== store.version) {
    state.broken = `a write for version ${write.condition} replaced version ${store.version}`;
  } else if (state.given.includes(version)) state.broken = `version ${version} was given twice`;
  else if (version <= store.version) state.broken = `version ${version} was given after ${store.version}`;
  state.given.push(version);
  Object.assign(store, { sequence: store.sequence + 1, version, commits: store.commits + 1 });
  write.stage = isAbandoned ? "unknown" : "acknowledged";
  if (!isAbandoned) state.commitsKnown = Math.max(state.commitsKnown, store.commits);
}

function readSteps(state: State, index: number, rules: Rules, { step }: StepsOf): void {
  const read = state.reads[index];
  if (read?.stage === "new") {
    for (let epoch = 1; epoch <= state.map.epoch; epoch++) {
      const node = (epoch + 1) % 2;
      step(`read ${index} goes to node ${node} with epoch ${epoch}`, ({ reads, commitsKnown }) => {
        reads[index] = { stage: "sent", node, epoch, commitsSeen: commitsKnown };
      });
    }
  }
  if (read?.stage !== "sent") return;
  step(`node ${read.node} answers read ${index}`, (copy) => {
    copy.reads[index] = { ...read, stage: "done" };
    const connection = copy.nodes[read.node]?.connection ?? 0;
    const store = copy.stores[connection];
    if (store === undefined || (connection < copy.stores.length - 1 && !rules.deposedAnswers)) return;
    if (rules.readFence === "inSnapshot" && (store.epoch !== read.epoch || store.releasedEpoch >= store.epoch)) return;
    if (store.commits < read.commitsSeen) {
      copy.broken = `a read saw commit ${store.commits} after commit ${read.commitsSeen} had been acknowledged`;
    }
    copy.commitsKnown = Math.max(copy.commitsKnown, store.commits);
  });
}

const { holds, breaks, shortHolds, shortBreaks } = variantsOf(model);

export const takeoverVariants = [
  shortHolds("epochs equal the claim, claims may be repeated, plans are compared with the header", { writes: 1 }),
  holds("the same, two writes, the second for a version", {}),
  holds("the same, three epochs", { epochsMax: 3, reads: 0 }),
  shortBreaks("only epochs below the claim are refused", { fence: "notBelow", epochsMax: 3, reads: 0 }),
  breaks("nothing is fenced", { fence: "none" }),
  breaks("a claim of the same epoch begins its numbers again", { claimAgain: "beginsItsNumbersAgain" }),
  shortBreaks("a commit compares no sequence", { commitCompares: "nothing" }),
  breaks("a commit compares a sequence that begins anew with each epoch", { commitCompares: "sequenceWithinEpoch" }),
  shortBreaks("a former owner gives up whatever is claimed", { release: "whateverIsClaimed", writes: 1, reads: 0 }),
  holds("reads are not fenced, while there is one primary", { readFence: "none" }),
  holds("the database fails over, and its former primary answers nothing", { canFailOver: true }),
  breaks("the database fails over, and its former primary goes on answering reads", {
    canFailOver: true,
    deposedAnswers: true,
  }),
];
