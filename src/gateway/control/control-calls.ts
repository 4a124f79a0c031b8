/**
 * What the processes of one gateway say to each other: the primary, the only one that has the registry and decides who lives
 * and who owns what, and its workers, which serve requests by what they were told.
 */
import type { ShardNumber } from "../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../registry/cluster-map.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { NodeReportRow, NodeReportRows } from "../cluster/node-reports.js";
import type { AssignRequest } from "../cluster/shard-assigner.js";

/** What a worker asks the primary: what Membership and Registry do. Each answer comes after the map that it is about. */
export type ControlCalls = {
  readonly register: (registration: NodeRegistration) => Promise<NodeAssignments>;
  readonly heartbeat: (sign: { readonly name: string; readonly heartbeat: Heartbeat }) => NodeAssignments;
  readonly remove: (node: { readonly name: string; readonly isForced: boolean }) => Promise<readonly ShardNumber[]>;
  readonly assign: (request: AssignRequest) => Promise<ShardRecord>;
  readonly acceptLoss: (name: string) => Promise<void>;
  /** One history for each of the shards, in their order. */
  readonly histories: (shards: readonly ShardNumber[]) => Promise<readonly (readonly AssignmentChange[])[]>;
  readonly refresh: (nothing: null) => Promise<void>;
};

/** What the primary tells a worker. */
export type ViewCalls = {
  /** A newer cluster map, as the registry stores it; answered when the worker goes by it. */
  readonly map: (text: string) => void;
  /** A storage node gave a sign of life just now. */
  readonly seen: (name: string) => void;
  /** What there is to say about a storage node has changed. */
  readonly report: (row: NodeReportRow) => void;
};

/** What a worker begins with. */
export interface ControlBegin {
  readonly map: string;
  readonly seen: readonly SignOfLife[];
  readonly reports: NodeReportRows;
}

export interface SignOfLife {
  readonly name: string;
  /** How long ago: clocks of two processes have nothing else in common. */
  readonly silentMs: number;
}
