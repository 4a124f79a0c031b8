/**
 * The bodies of requests about membership: registration, heartbeat and assignments. Storage node to gateway: `POST
 * /nodes` (NodeRegistration) and `POST /nodes/{id}/heartbeat` (Heartbeat), both answered with NodeAssignments. Gateway
 * to storage node: `PUT /assignments` (NodeAssignments), `GET /shards` and `GET /health`. All fields of a registration
 * except `id` and `url` are optional, so that a person can register a plain node with curl.
 */

/** A shard that a storage node has claimed or has data of. */
export interface HostedShard {
  readonly shardId: number;
  /** The highest epoch that the node has claimed; null if none. */
  readonly epoch: number | null;
  readonly keyCount: number;
  readonly sizeBytes: number;
  /** The highest epoch that the node has released; absent or 0 if none. It owns the shard while `epoch` is greater. */
  readonly releasedEpoch?: number;
  readonly lineage?: number;
  /** The last sequence number given to a change. */
  readonly sequence?: number;
  /** Id of the move that the shard is sealed for; absent or null if not sealed. */
  readonly sealedFor?: string | null;
}

export interface NodeRegistration {
  readonly id: string;
  readonly url: string;
  /** The cluster whose data the node keeps; absent or null on a new or plain node. */
  readonly clusterId?: string | null;
  /** The shard count of that cluster. */
  readonly shardCount?: number | null;
  /** The version of the newest cluster map that the node has received. */
  readonly mapVersion?: number | null;
  /** Every shard with a claim or data. */
  readonly shards?: readonly HostedShard[];
  /** Id of this start of the node's process, drawn anew at each start. */
  readonly incarnation?: string;
  /** Id of the node's store, drawn when the store was created. Absent for a plain node, which has no store. */
  readonly storeId?: string;
  /** Whether the store loses everything when the process ends. */
  readonly isEphemeral?: boolean;
  /** Whether several storage nodes share the store, so that one may take over another's shards without copying. */
  readonly isStoreShared?: boolean;
  /** Ids of the store's starts, newest first: this one, and always including the last acknowledged one. */
  readonly starts?: readonly string[];
  /** The mark of a restored registry, if the gateway has named one. */
  readonly mark?: string | null;
}

export interface Heartbeat {
  readonly incarnation?: string;
  /** The map version of the node's assignments. If it is current, the answer leaves out `shards`. */
  readonly mapVersion?: number | null;
  /** The node is about to end: its shards should go to other storage nodes of its store at once. */
  readonly isLeaving?: boolean;
  /** The node cannot reach its database: others of its store that do should take over its shards. */
  readonly isStoreLost?: boolean;
  /** Shards that need a new epoch: the current one is running out of versions, or the node's database has failed over. */
  readonly exhausted?: readonly { readonly shardId: number; readonly epoch: number }[];
}

export interface AssignedShard {
  readonly shardId: number;
  readonly epoch: number;
  readonly lineage?: number;
  /** Id of the move for which the node neither reads nor writes the shard; absent if not sealed. */
  readonly sealedFor?: string;
}

/**
 * What one storage node needs to know of the cluster map. As the answer to a registration it acknowledges that start.
 */
export interface NodeAssignments {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly mapVersion: number;
  /** The shards of which this node is the primary; absent when the node's `mapVersion` is current. */
  readonly shards?: readonly AssignedShard[];
  /** URL of the leading gateway, in answers of gateways only: the node reports there from then on. Absent: unknown. */
  readonly leader?: string;
}

/** The answer to `GET /health` of a storage node. A plain node has no such route, or another answer. */
export interface NodeHealth {
  readonly status: "ok" | "draining";
  readonly protocol: string;
  readonly engine: string;
  readonly id: string;
  /** Names of optional capabilities: "batch", "scan", "ttl", "conditions", "frames". */
  readonly capabilities: readonly string[];
  /** The cluster whose data the node keeps; null if none yet. */
  readonly clusterId?: string | null;
  readonly storeId?: string | null;
  /**
   * Whether a gateway has acknowledged this start; until then the node answers neither reads nor writes. Always false
   * for a storage node without a gateway, which serves no gateway.
   */
  readonly isAcknowledged?: boolean;
}
