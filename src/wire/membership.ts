/**
 * The bodies with which storage nodes and gateway speak about membership: registration, heartbeat and assignments.
 * Node -> gateway: `POST /nodes` (NodeRegistration), `POST /nodes/{id}/heartbeat` (Heartbeat); both are answered with
 * NodeAssignments. Gateway -> node: `PUT /assignments` (NodeAssignments), `GET /shards`, `GET /health`.
 * Everything beyond `id` and `url` is optional in a registration, so that a person with curl can register a plain node.
 */

/** A shard a storage node has data of, or is assigned. */
export interface HostedShard {
  readonly shardId: number;
  /** Null when the node was never told one. */
  readonly epoch: number | null;
  readonly keyCount: number;
  readonly sizeBytes: number;
}

export interface NodeRegistration {
  readonly id: string;
  readonly url: string;
  /** The cluster whose data the node keeps; absent or null on a fresh or plain node. */
  readonly clusterId?: string | null;
  /** Of that cluster. */
  readonly shardCount?: number | null;
  /** Of the last cluster map the node was told of. */
  readonly mapVersion?: number | null;
  /** Shards with data, so that a gateway that lost its registry gives each back to the node that has it. */
  readonly shards?: readonly HostedShard[];
  /** Drawn anew at each start of the node's process, so that two processes with one name are told apart. */
  readonly incarnation?: string;
}

export interface Heartbeat {
  readonly incarnation?: string;
  /** Of the assignments the node has. When it is the current one, the answer leaves out `shards`. */
  readonly mapVersion?: number | null;
}

/** What one storage node has to know of the cluster map. */
export interface NodeAssignments {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly mapVersion: number;
  /** The shards of which this node is the primary; absent when the node's `mapVersion` is current. */
  readonly shards?: readonly { readonly shardId: number; readonly epoch: number }[];
}

/** Answer of a storage node's `GET /health`. A plain storage node has none, or another. */
export interface NodeHealth {
  readonly status: "ok" | "draining";
  readonly protocol: string;
  readonly engine: string;
  readonly id: string;
  /** Names of optional abilities: "batch", "scan", "ttl", "conditions". */
  readonly capabilities: readonly string[];
}
