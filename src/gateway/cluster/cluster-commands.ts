/**
 * The one way to change the cluster, whichever process asks. ClusterLeader does it; ClusterFollower passes it on to a
 * leader in another process, over a transport of its own. Refusals keep code, message and details on the way. A change
 * is answered once the asking process has the map that contains it. Both pass test/conformance/cluster-commands.ts.
 */
import type { ShardNumber } from "../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../registry/cluster-map.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";

export interface AssignRequest {
  readonly shard: ShardNumber;
  readonly node: string;
  readonly isPrimary: boolean;
  /** The epoch the caller has seen; null does not check. */
  readonly ifEpoch: number | null;
  readonly isForced: boolean;
}

/** All reject with registry faults, too; a follower's with REGISTRY_UNAVAILABLE when the leader gives no answer. */
export interface ClusterCommands {
  /**
   * Adds or updates a storage node and gives it shards; the answer acknowledges the start that registered. Throws
   * BAD_REQUEST, NODE_CONFLICT, CLUSTER_MISMATCH, SHARD_COUNT_MISMATCH, STORE_NOT_RECOGNIZED, and REGISTRY_PUT_BACK with the
   * mark to name in the next registration.
   */
  register(registration: NodeRegistration): Promise<NodeAssignments>;

  /**
   * A sign of life, answered with what the storage node has to know; if it is about to stop, after other nodes of its shared
   * store have taken over its shards. Throws NODE_NOT_FOUND to a node that has to register
   * (again), or has a store and names no start, NODE_CONFLICT to a process whose name another one has taken over, and
   * REGISTRY_PUT_BACK with the mark to register with.
   */
  heartbeat(name: string, heartbeat: Heartbeat): NodeAssignments | Promise<NodeAssignments>;

  /**
   * Resolves to the shards that have no owner now. Throws NODE_NOT_FOUND, ASSIGNMENT_WOULD_HIDE_DATA and EPOCH_CONFLICT.
   */
  remove(name: string, isForced: boolean): Promise<readonly ShardNumber[]>;

  /**
   * Gives a shard to a storage node; unless forced, one that has an owner must be empty there, or both nodes serve one
   * shared store. Throws NOT_SUPPORTED for replicas and plain nodes, NODE_NOT_FOUND, SHARD_NOT_FOUND, EPOCH_CONFLICT,
   * ASSIGNMENT_WOULD_HIDE_DATA, REGISTRY_PUT_BACK, SHARD_UNAVAILABLE, and BAD_REQUEST for a node that drains.
   */
  assign(request: AssignRequest): Promise<ShardRecord>;

  /**
   * The operator accepts that the storage node's data are lost: its next start is acknowledged whatever its store is.
   * Throws NODE_NOT_FOUND, and BAD_REQUEST when it has lost nothing.
   */
  acceptLoss(name: string): Promise<void>;

  /**
   * Has the storage node own no shards from now on, whatever happens: other nodes of its shared store take them over at once
   * and serve them without an interruption. `isUndone` ends that; the node then gets shards like all others. Resolves to the
   * shards that it still owns. Throws NODE_NOT_FOUND, NOT_SUPPORTED for a node with a store of its own, and
   * SHARD_UNAVAILABLE when no other live node of the store may take them.
   */
  drain(name: string, isUndone: boolean): Promise<readonly ShardNumber[]>;

  /** How the shards' assignments changed: one history for each, the newest change first, as far as the registry's log has it. */
  histories(shards: readonly ShardNumber[]): Promise<readonly (readonly AssignmentChange[])[]>;

  /**
   * The cluster map of `node` differs from that of this process. Resolves once the registry was read again and the node
   * was sent its assignments, which it may have refused. Those who ask for the same node meanwhile share it.
   */
  refresh(node: string): Promise<void>;
}
