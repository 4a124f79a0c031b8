/**
 * Every change of the cluster map, as a pure function from a map and a command to the next map. Evidence from outside
 * (which nodes live, which have data) is part of the command, with the owner that it was gathered about; registry.ts
 * stores the result. The commands themselves are in commands/, by subject.
 */
import { ShardgateError, unreachable } from "../core/error.js";
import { shardCountMax } from "../core/limits.js";
import { hashName, parseShard } from "../core/shard.js";
import type { ClusterMap, LeaderRecord } from "./cluster-map.js";
import { assign, renewEpochs, type Assign, type RenewEpochs } from "./commands/assignment.js";
import { acceptLoss, removeNode, type AcceptLoss, type RemoveNode } from "./commands/departure.js";
import {
  beginMove,
  cancelMove,
  completeMove,
  type BeginMove,
  type CancelMove,
  type CompleteMove,
} from "./commands/moves.js";
import { markPutBack, versionsLostMax, type MarkPutBack } from "./commands/put-back.js";
import { registerNode, type RegisterNode } from "./commands/registration.js";
import { changeShards, unchanged, type Changed } from "./commands/shard-change.js";
import { drainNode, takeOver, type DrainNode, type TakeOver } from "./commands/takeover.js";
import { parseClusterName } from "./node-name.js";
import { planUnassigned, type HeldShard } from "./unassigned-shards.js";

export type { OwnedShardEvidence, StoreRefusal } from "./commands/departure.js";
export { areOfOneStore, EvidenceOutdated, shardsOfNode } from "./commands/map-records.js";
export type { NodeIdentity, ReportedClaim } from "./commands/node-identity.js";
export { otherCluster } from "./commands/registration.js";
export type { Changed } from "./commands/shard-change.js";

/** Names the gateway that may change the map from now on. */
export interface TakeLead {
  readonly kind: "takeLead";
  readonly leader: LeaderRecord;
}

/** Leaves the map without a leader, so that another gateway takes the lead at once. Only the leader itself resigns. */
export interface ResignLead {
  readonly kind: "resignLead";
  readonly leaderId: string;
}

/**
 * Gives every shard without an owner to a live storage node, as `planUnassigned` decides. Does nothing while the map is
 * being restored.
 */
export interface AssignUnassigned {
  readonly kind: "assignUnassigned";
  readonly liveNodes: readonly string[];
  readonly held: readonly HeldShard[];
}

export type RegistryCommand =
  | TakeLead
  | ResignLead
  | RegisterNode
  | MarkPutBack
  | AcceptLoss
  | RemoveNode
  | Assign
  | BeginMove
  | CompleteMove
  | CancelMove
  | AssignUnassigned
  | RenewEpochs
  | TakeOver
  | DrainNode;

/**
 * The next version of `map`, or `map` itself when the command changes nothing, with the changes of assignments for the log.
 * Throws the refusals that each command names, and EvidenceOutdated.
 */
export function applyCommand(map: ClusterMap, command: RegistryCommand, nowMs: number): Changed {
  switch (command.kind) {
    case "takeLead":
      return unchanged(takeLead(map, command));
    case "resignLead":
      return unchanged(resignLead(map, command));
    case "registerNode":
      return registerNode(map, command, nowMs);
    case "markPutBack":
      if (command.knownVersion !== undefined && command.knownVersion <= map.version) return unchanged(map);
      return markPutBack(map, command.newMark, restoredAfter(map, command), nowMs);
    case "acceptLoss":
      return acceptLoss(map, command, nowMs);
    case "removeNode":
      return removeNode(map, command, nowMs);
    case "assign":
      return assign(map, command, nowMs);
    case "beginMove":
      return beginMove(map, command);
    case "completeMove":
      return completeMove(map, command, nowMs);
    case "cancelMove":
      return cancelMove(map, command);
    case "assignUnassigned":
      if (map.putBack !== null) return unchanged(map);
      return changeShards(map, planUnassigned(map, command.liveNodes, command.held), nowMs);
    case "renewEpochs":
      return renewEpochs(map, command, nowMs);
    case "takeOver":
      return takeOver(map, command, nowMs);
    case "drainNode":
      return drainNode(map, command);
    default:
      return unreachable(command);
  }
}

/** Version 1 of a new cluster: no storage nodes, no shard assigned. Throws BAD_REQUEST for a wrong name or count. */
export function createClusterMap(facts: {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly shardCount: number;
}): ClusterMap {
  const { clusterId, shardCount } = facts;
  if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > shardCountMax) {
    throw new ShardgateError(
      "BAD_REQUEST",
      `The number of shards must be from 1 to ${shardCountMax}, not ${shardCount}.`,
    );
  }
  const shards = Array.from({ length: shardCount }, (_, shard) => {
    return { shard: parseShard(shard), epoch: 0, primary: null, lineage: 0, move: null };
  });
  const clusterName = parseClusterName(facts.clusterName);
  const rest = { leader: null, nodes: new Map(), shards, isRecovered: false, putBack: null };
  return { version: 1, clusterId, clusterName, shardCount, hash: hashName, ...rest };
}

function restoredAfter({ version }: ClusterMap, { knownVersion }: MarkPutBack): number {
  return knownVersion === undefined ? version : knownVersion + versionsLostMax;
}

function takeLead(map: ClusterMap, { leader }: TakeLead): ClusterMap {
  if (map.leader?.id === leader.id) return map;
  const version = map.version + 1;
  return { ...map, version, leader: { ...leader, sinceVersion: version } };
}

function resignLead(map: ClusterMap, { leaderId }: ResignLead): ClusterMap {
  return map.leader?.id === leaderId ? { ...map, version: map.version + 1, leader: null } : map;
}
