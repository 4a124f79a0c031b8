/**
 * The bodies with which storage nodes and gateway speak about membership: registration, heartbeat and assignments.
 * Node -> gateway: `POST /nodes` (NodeRegistration), `POST /nodes/{id}/heartbeat` (Heartbeat); both are answered with
 * NodeAssignments. Gateway -> node: `PUT /assignments` (NodeAssignments), `GET /shards`, `GET /health`.
 * Everything beyond `id` and `url` is optional in a registration, so that a person with curl can register a plain node.
 */

/** A shard a storage node has data of, or has claimed. */
export interface HostedShard {
  readonly shardId: number;
  /** The highest epoch it claimed; null: none. */
  readonly epoch: number | null;
  readonly keyCount: number;
  readonly sizeBytes: number;
  /** The highest epoch it gave up; absent or 0: none. It owns the shard while `epoch` is greater. */
  readonly releasedEpoch?: number;
  readonly lineage?: number;
  /** The last sequence number given to a change. */
  readonly sequence?: number;
  /** Id of the move that it is sealed for; absent or null: none. */
  readonly sealedFor?: string | null;
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
  /** Every claim and every shard with data. */
  readonly shards?: readonly HostedShard[];
  /** Drawn anew at each start of the node's process; the id of that start. */
  readonly incarnation?: string;
  /** Id of the node's store, drawn when that was created. Absent: a plain node, which has none. */
  readonly storeId?: string;
  /** The store forgets everything when the process ends. */
  readonly isEphemeral?: boolean;
  /** Ids of the store's starts, the newest first: this one, and always the last acknowledged one. */
  readonly starts?: readonly string[];
  /** Mark of a registry that was put back, when the gateway has named one. */
  readonly mark?: string | null;
}

export interface Heartbeat {
  readonly incarnation?: string;
  /** Of the assignments the node has. When it is the current one, the answer leaves out `shards`. */
  readonly mapVersion?: number | null;
  /** Shards whose versions of this epoch run out: they need a new epoch. */
  readonly exhausted?: readonly { readonly shardId: number; readonly epoch: number }[];
}

export interface AssignedShard {
  readonly shardId: number;
  readonly epoch: number;
  readonly lineage?: number;
  /** Id of the move for which the node neither reads nor writes the shard; absent: none. */
  readonly sealedFor?: string;
}

/** What one storage node has to know of the cluster map. As the answer to a registration it acknowledges that start. */
export interface NodeAssignments {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly mapVersion: number;
  /** The shards of which this node is the primary; absent when the node's `mapVersion` is current. */
  readonly shards?: readonly AssignedShard[];
  /** URL of the gateway that leads, in answers of gateways only: the node reports there from then on. Absent: unknown. */
  readonly leader?: string;
}

/** Answer of a storage node's `GET /health`. A plain storage node has none, or another. */
export interface NodeHealth {
  readonly status: "ok" | "draining";
  readonly protocol: string;
  readonly engine: string;
  readonly id: string;
  /** Names of optional abilities: "batch", "scan", "ttl", "conditions", "frames". */
  readonly capabilities: readonly string[];
  /** The cluster whose data it keeps; null: none yet. */
  readonly clusterId?: string | null;
  readonly storeId?: string | null;
  /**
   * Whether a gateway has acknowledged this start; before that it answers neither reads nor writes. Never of a storage node
   * without a gateway, which answers no gateway.
   */
  readonly isAcknowledged?: boolean;
}
