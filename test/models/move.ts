/**
 * The move of a shard without entries from one store (node 0) to another (node 1): sealed in the map, checked, and
 * finished or cancelled. The sealed source neither reads nor writes. Assignments reach the nodes late and out of order,
 * answers are used long after they were given, nodes and the leading gateway crash, and an operator may force the shard
 * away. Requests come from gateways with any map: a node that believes in its claim answers them.
 */
import type { Model, ModelState, Steps } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** What must be the same in map and evidence when the move is finished. */
  readonly evidence: "moveAndOwner" | "moveOnly" | "nothing";
  /** Whether the source must report that it is sealed, or only that it is empty. */
  readonly waitsForSeal: boolean;
  readonly sealedReads: "refused" | "answered";
  readonly unseals: "byMap" | "byTime";
  readonly isSealDurable: boolean;
  /** Whether a node answers nothing between its start and the answer to its registration. */
  readonly isSilentAtStart: boolean;
  /** Whether assignments of an older map than the node's are ignored. */
  readonly ignoresOlderMaps: boolean;
  /** Whether a starting gateway cancels the move that it finds in the map. */
  readonly cancelsAtStart: boolean;
  readonly countsTarget: boolean;
  /** Whether the target may have entries from an earlier time. */
  readonly targetHasOldData: boolean;
  readonly canForce: boolean;
  readonly moves: number;
  readonly writes: number;
  readonly crashes: number;
}

interface ShardMap {
  version: number;
  owner: number;
  epoch: number;
  /** Id of the current move; 0: none. */
  move: number;
}

interface StorageNode {
  isUp: boolean;
  isAcknowledged: boolean;
  mapVersion: number;
  epoch: number;
  releasedEpoch: number;
  sealedFor: number;
  entries: number[];
}

interface Evidence {
  move: number;
  owner: number;
  epoch: number;
  sealedFor: number;
  keyCount: number;
  targetKeyCount: number;
}

interface State extends ModelState {
  map: ShardMap;
  nodes: StorageNode[];
  /** Assignments in flight. */
  messages: { node: number; map: ShardMap }[];
  evidence: Evidence | null;
  /** The leading gateway knows of the move in the map. */
  isLeaderInformed: boolean;
  moves: number;
  writes: number;
  crashes: number;
  /** Writes that every reader must see. */
  acknowledged: number[];
  wasForced: boolean;
}

const source = 0;
const target = 1;
const messagesMax = 2;
const byDefault: Rules = {
  evidence: "moveAndOwner",
  waitsForSeal: true,
  sealedReads: "refused",
  unseals: "byMap",
  isSealDurable: true,
  isSilentAtStart: true,
  ignoresOlderMaps: true,
  cancelsAtStart: true,
  countsTarget: true,
  targetHasOldData: false,
  canForce: false,
  moves: 1,
  writes: 1,
  crashes: 1,
};

function model(changed: Partial<Rules>): Model<State> {
  const rules = { ...byDefault, ...changed };
  const node = {
    isUp: true,
    isAcknowledged: true,
    mapVersion: 1,
    epoch: 1,
    releasedEpoch: 0,
    sealedFor: 0,
    entries: [],
  };
  const old = rules.targetHasOldData ? [-1] : [];
  const counts = { moves: 0, writes: 0, crashes: 0, wasForced: false };
  return {
    initial: {
      broken: null,
      map: { version: 1, owner: source, epoch: 1, move: 0 },
      nodes: [node, { ...node, epoch: 0, entries: old }],
      messages: [],
      evidence: null,
      isLeaderInformed: true,
      ...counts,
      acknowledged: [],
    },
    next(state, steps) {
      leaderSteps(state, rules, steps);
      for (const index of [source, target]) nodeSteps(state, index, rules, steps);
      for (const [place, { node: to, map }] of state.messages.entries()) {
        const deliver = (copy: State): void => {
          copy.messages.splice(place, 1);
          if (copy.nodes[to]?.isAcknowledged === true) takeAssignments(copy, to, map, rules);
        };
        steps.step(`node ${to} takes the assignments of map ${map.version}`, deliver);
      }
    },
    violation: ({ nodes, wasForced }) => {
      const takers = nodes.filter((node) => mayWrite(node, rules));
      return takers.length > 1 && !wasForced ? "two nodes take writes" : null;
    },
    goal: ({ map, nodes }) => {
      const owner = nodes[map.owner];
      return (
        owner !== undefined && mayWrite(owner, rules) && owner.epoch === map.epoch && owner.mapVersion === map.version
      );
    },
  };
}

const mayServe = (node: StorageNode, { isSilentAtStart }: Rules): boolean =>
  node.isUp && (node.isAcknowledged || !isSilentAtStart) && node.epoch > node.releasedEpoch;
const mayWrite = (node: StorageNode, rules: Rules): boolean => mayServe(node, rules) && node.sealedFor === 0;
const mayRead = (node: StorageNode, rules: Rules): boolean =>
  mayServe(node, rules) && (node.sealedFor === 0 || rules.sealedReads === "answered");

function leaderSteps(state: State, rules: Rules, { step, fault }: Steps<State>): void {
  const { map, evidence, isLeaderInformed } = state;
  const sourceNode = state.nodes[source];
  const targetNode = state.nodes[target];
  if (map.move === 0 && map.owner === source && state.moves < rules.moves) {
    step(`move ${state.moves + 1} is put into the map, sealed`, (copy) => {
      copy.moves++;
      copy.isLeaderInformed = true;
      changeMap(copy, { move: copy.moves });
    });
  }
  for (const node of [source, target]) {
    if (state.messages.length < messagesMax && !state.messages.some((message) => message.node === node)) {
      step(
        `assignments of map ${map.version} are sent to node ${node}`,
        (copy) => void copy.messages.push({ node, map }),
      );
    }
  }
  const isSealSeen = !rules.waitsForSeal || (map.move > 0 && sourceNode?.sealedFor === map.move);
  if (isLeaderInformed && evidence === null && sourceNode?.isAcknowledged && targetNode?.isAcknowledged && isSealSeen) {
    const { owner, epoch, move } = map;
    const counts = { keyCount: sourceNode.entries.length, targetKeyCount: targetNode.entries.length };
    if (move > 0)
      step(
        "both nodes are asked",
        (copy) => void (copy.evidence = { move, owner, epoch, sealedFor: sourceNode.sealedFor, ...counts }),
      );
  }
  if (evidence !== null) {
    step("the move is finished by what they answered", (copy) => finish(copy, evidence, rules));
    step("the answers are dropped", (copy) => void (copy.evidence = null));
  }
  if (isLeaderInformed && map.move > 0) step("the move is cancelled", (copy) => changeMap(copy, { move: 0 }));
  if (state.crashes < rules.crashes) {
    fault("the gateway crashes; its command may still be on its way", (copy) =>
      Object.assign(copy, { crashes: copy.crashes + 1, isLeaderInformed: false }),
    );
  }
  if (!isLeaderInformed && rules.cancelsAtStart) {
    step("a gateway starts and cancels what it finds", (copy) => {
      copy.isLeaderInformed = true;
      if (copy.map.move > 0) changeMap(copy, { move: 0 });
    });
  }
  if (rules.canForce && !state.wasForced && map.owner === source) {
    fault("an operator forces the shard onto node 1", (copy) => {
      Object.assign(copy, { wasForced: true, acknowledged: [] });
      changeMap(copy, { owner: target, epoch: map.epoch + 1, move: 0 });
    });
  }
}

function changeMap(state: State, changes: Partial<ShardMap>): void {
  Object.assign(state.map, changes);
  state.map.version++;
}

function finish(state: State, evidence: Evidence, { evidence: bound, waitsForSeal, countsTarget }: Rules): void {
  const { map } = state;
  state.evidence = null;
  const isOwnerSame = map.owner === evidence.owner && map.epoch === evidence.epoch;
  const isMoveSame = map.move > 0 && map.move === evidence.move && (!waitsForSeal || evidence.sealedFor === map.move);
  const isBound = { moveAndOwner: isMoveSame && isOwnerSame, moveOnly: isMoveSame, nothing: map.owner === source }[
    bound
  ];
  if (!isBound || evidence.keyCount > 0 || (countsTarget && evidence.targetKeyCount > 0)) return;
  changeMap(state, { owner: target, epoch: map.epoch + 1, move: 0 });
}

function nodeSteps(state: State, index: number, rules: Rules, { step, fault }: Steps<State>): void {
  const node = state.nodes[index];
  if (node === undefined) return;
  const become = (copy: State, changes: Partial<StorageNode>): void =>
    void Object.assign(copy.nodes[index] ?? {}, changes);
  if (node.isUp && state.crashes < rules.crashes) {
    fault(`node ${index} crashes`, (copy) => {
      copy.crashes++;
      become(copy, { isUp: false, isAcknowledged: false, sealedFor: rules.isSealDurable ? node.sealedFor : 0 });
    });
  }
  if (!node.isUp) step(`node ${index} starts`, (copy) => become(copy, { isUp: true }));
  if (node.isUp && !node.isAcknowledged) step(`node ${index} is registered`, (copy) => register(copy, index, rules));
  if (rules.unseals === "byTime" && node.sealedFor > 0) {
    step(`node ${index} ends its seal after a time`, (copy) => become(copy, { sealedFor: 0 }));
  }
  const missing = state.acknowledged.filter((write) => !node.entries.includes(write));
  const isJudged = !(state.wasForced && index === source);
  if (mayWrite(node, rules) && state.writes < rules.writes) {
    step(`node ${index} acknowledges write ${state.writes + 1}`, (copy) => {
      copy.writes++;
      copy.nodes[index]?.entries.push(copy.writes);
      if (isJudged) copy.acknowledged.push(copy.writes);
    });
  }
  if (!isJudged || !mayRead(node, rules)) return;
  const hasOld = !state.wasForced && node.entries.includes(-1);
  if (missing.length === 0 && !hasOld) return;
  const why = hasOld
    ? "answers with entries of an earlier time"
    : `answers without acknowledged write ${missing.join()}`;
  step(`node ${index} answers a read`, (copy) => void (copy.broken = `node ${index} ${why}`));
}

/** A new start ends the move of its shards and gets a new epoch for those it owns. */
function register(state: State, index: number, rules: Rules): void {
  const { map } = state;
  const isOwner = map.owner === index;
  changeMap(state, { move: 0, epoch: isOwner ? map.epoch + 1 : map.epoch });
  const node = state.nodes[index];
  if (node !== undefined) node.isAcknowledged = true;
  takeAssignments(state, index, { ...map }, rules);
}

/** The change that a node makes durable for the assignments that it receives. */
function takeAssignments(state: State, index: number, map: ShardMap, { ignoresOlderMaps }: Rules): void {
  const node = state.nodes[index];
  if (node === undefined || (ignoresOlderMaps && map.version < node.mapVersion)) return;
  node.mapVersion = Math.max(map.version, node.mapVersion);
  if (map.owner === index) {
    if (map.epoch >= node.epoch) Object.assign(node, { epoch: map.epoch, sealedFor: map.move });
  } else Object.assign(node, { releasedEpoch: node.epoch, sealedFor: 0 });
}

const { holds, breaks, shortHolds, shortBreaks } = variantsOf(model);

export const moveVariants = [
  shortHolds("it is sealed in the map, and bound to move, owner and epoch", { writes: 1, crashes: 0 }),
  holds("the same with two moves, two writes and two crashes", { moves: 2, writes: 2, crashes: 2 }),
  holds("the same with a forced assignment", { canForce: true, moves: 2, writes: 2 }),
  holds("evidence is bound to the move, whose id is never used again", { evidence: "moveOnly", moves: 2, writes: 2 }),
  breaks("evidence is bound to nothing", { evidence: "nothing", moves: 2 }),
  shortBreaks("the source says that it is empty, not that it is sealed", { waitsForSeal: false }),
  shortBreaks("a sealed source goes on answering reads", { sealedReads: "answered" }),
  shortBreaks("a seal ends after a time", { unseals: "byTime" }),
  shortBreaks("a node serves before its start is acknowledged, and keeps the seal in memory", {
    isSilentAtStart: false,
    isSealDurable: false,
  }),
  holds("the seal is kept in memory, and a start is silent", { isSealDurable: false }),
  shortBreaks("assignments of an older map are obeyed", { ignoresOlderMaps: false }),
  shortBreaks("a gateway that starts leaves the move that it finds alone", { cancelsAtStart: false }),
  shortBreaks("the target is not asked for what it keeps", { countsTarget: false, targetHasOldData: true }),
  shortHolds("the target keeps entries of an earlier time, and is asked", { targetHasOldData: true, crashes: 0 }),
];
