/**
 * One immutable version of the registry's content: which storage nodes there are, and which of them owns each shard.
 * Changes are made by `applyCommand` only; earlier changes are in the registry store's log. Whether a storage node is
 * UP or DOWN is in liveness.ts: it changes every second, and gateways may differ.
 */
import type { ShardNumber } from "../core/shard.js";

export interface ClusterMap {
  /** 1 for a new cluster; one more with every change. */
  readonly version: number;
  /** Drawn at random when the cluster is created; storage nodes keep it beside their data. */
  readonly clusterId: string;
  readonly clusterName: string;
  /** Fixed at creation. */
  readonly shardCount: number;
  /** Fixed at creation: `hashName` of core/shard.ts. */
  readonly hash: string;
  /** The gateway that may change the map. Null: none yet, or it resigned. */
  readonly leader: MapLeader | null;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** Indexed by shard number; always `shardCount` long. */
  readonly shards: readonly ShardRecord[];
  /**
   * The map was created anew after its registry was lost, and some shard has had no owner since. Its former owner may
   * not have registered yet, so the shard is not assigned automatically. Its epoch is no evidence: a node that gave the
   * shard up reports one, too.
   */
  readonly isRecovered: boolean;
  /** Set while the map is known to be older than what its storage nodes know. Then no shard is assigned or served. */
  readonly putBack: PutBack | null;
}

/** The gateway that leads, as it identified itself when it took the lead. */
export interface LeaderRecord {
  /** Drawn at random each time a gateway takes the lead. */
  readonly id: string;
  readonly name: string | null;
  /** Where other gateways and storage nodes reach it. */
  readonly url: string | null;
}

export interface MapLeader extends LeaderRecord {
  /**
   * The map version of its take, or of the newest repair of the registry under it: all versions from there on follow each
   * other. Null: the map is from a release that does not record it.
   */
  readonly sinceVersion: number | null;
}

export interface NodeRecord {
  readonly name: string;
  /** Origin (scheme, host, port) and optional base path, without a trailing slash. */
  readonly url: string;
  readonly registeredAtMs: number;
  /** Id of the store whose start was acknowledged last; null: none yet, or a plain node, which has no store. */
  readonly storeId: string | null;
  /** Id of that start. */
  readonly lastStart: string | null;
  /** An operator accepts that the node's data are lost: the next start is acknowledged whatever its store is. */
  readonly isLossAccepted: boolean;
  /** The store is one that several storage nodes share, so that another node of the same store may take over its shards. */
  readonly isStoreShared: boolean;
  /** An operator wants the node to own no shards: it is given none. */
  readonly isDraining: boolean;
}

export interface ShardRecord {
  readonly shard: ShardNumber;
  /** 0 before the first assignment; grows with every change. */
  readonly epoch: number;
  /** Name of the storage node that takes the writes; null while unassigned. */
  readonly primary: string | null;
  /** 0 at first; raised when data may have been lost. Versions compare within one lineage. */
  readonly lineage: number;
  /** The move in progress; null: none. */
  readonly move: ShardMove | null;
}

/** The shard goes from its primary to another storage node. So far only shards without entries move. */
export interface ShardMove {
  readonly id: string;
  readonly target: string;
  /** The primary neither reads nor writes the shard until the map no longer has the move. */
  readonly phase: "sealed";
}

/**
 * A map that was restored from an older copy: every storage node registers anew, naming the mark, before it is used.
 */
export interface PutBack {
  readonly mark: string;
  /** Storage nodes that have not registered with this mark yet. */
  readonly waiting: readonly string[];
  /** Of each shard the highest claim reported so far, of a store that has not given it up. */
  readonly claims: ReadonlyMap<ShardNumber, PutBackClaim>;
}

export interface PutBackClaim {
  /** Higher ones are newer, whatever their epochs: a lineage is raised by force, loss and restore. */
  readonly lineage: number;
  readonly node: string;
  readonly epoch: number;
  /**
   * Decides between equal epochs, which occur when a registry was lost and created anew before all nodes had
   * registered.
   */
  readonly hasKeys: boolean;
}

/** An entry of the log beside the map. */
export interface AssignmentChange {
  readonly shard: ShardNumber;
  readonly epoch: number;
  /** The shard's owner after the change; null: none. */
  readonly node: string | null;
  readonly atMs: number;
  readonly cause: AssignmentCause;
}

/** Why an assignment changed: a person asked, the gateway spread unassigned shards, or a storage node started. */
export type AssignmentCause = "operator" | "automatic" | "registration";

/** The shard, owner and epoch that evidence was gathered about. It is valid for those only. */
export interface ShardOwner {
  readonly shard: ShardNumber;
  readonly primary: string | null;
  readonly epoch: number;
}
