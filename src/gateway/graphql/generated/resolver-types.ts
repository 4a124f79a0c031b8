import type { Moment } from '../values/scalars.js';
import type { JsonInput } from '../values/json-input.js';
import type { JsonText } from '../../../core/text/json-text.js';
import type { Version } from '../../../core/version.js';
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { AssignmentChange as AssignmentChangeRecord, ClusterMap, ShardRecord, NodeRecord } from '../../../registry/cluster-map.js';
import type { JsonEntry } from '../../../core/entry.js';
import type { EntryPage, PageSides } from '../resolvers/entry-page.js';
import type { GatewayStatus } from '../../cluster/peers/gateway-status.js';
import type { NodeProblem } from '../../cluster/node-reports.js';
import type { GraphqlContext } from '../execution/context.js';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A count that may exceed 2^31, as a decimal string. */
  BigInt: { input: string; output: string; }
  /**
   * An RFC 3339 timestamp, for example `2026-01-31T12:00:00.000Z`. Answers are in UTC with milliseconds; arguments may have
   * any offset.
   */
  DateTime: { input: Moment; output: Moment; }
  /**
   * Any JSON value, JSON's `null` included, by default at most 1 MiB of text and nested at most 64 deep. Every digit of a number
   * is kept as written. In a document write it as a GraphQL literal (without enum values; `null` only through a variable), or pass it
   * as a variable, which is stored byte for byte as in the request.
   */
  JSON: { input: JsonInput; output: JsonText; }
  /** An unsigned 64-bit integer as a decimal string. Versions of one key increase; versions of different keys are not comparable. */
  Version: { input: Version; output: Version; }
};

/** A storage node whose data are lost. */
export type AcceptStorageNodeLossInput = {
  /** Name of a registered storage node. */
  readonly name: Scalars['String']['input'];
};

/** Result of `acceptStorageNodeLoss`. */
export type AcceptStorageNodeLossPayload = {
  readonly __typename: 'AcceptStorageNodeLossPayload';
  /** State after the change. */
  readonly storageNode: StorageNode;
};

/** Which storage node to assign a shard to. */
export type AssignShardInput = {
  /**
   * If false, the shard's current storage node must report it as empty; else the assignment is refused with
   * ASSIGNMENT_WOULD_HIDE_DATA. If true, data may be hidden, and the shard's lineage is raised.
   */
  readonly force: Scalars['Boolean']['input'];
  /** Refuses with EPOCH_CONFLICT unless the shard has this epoch. */
  readonly ifEpoch?: InputMaybe<Scalars['Int']['input']>;
  /** False asks for a replica, which is not supported yet. */
  readonly isPrimary: Scalars['Boolean']['input'];
  /** The shard's number. */
  readonly shard: Scalars['Int']['input'];
  /** Name of a registered storage node. */
  readonly storageNode: Scalars['String']['input'];
};

/** Result of `assignShard`. */
export type AssignShardPayload = {
  readonly __typename: 'AssignShardPayload';
  /** State after the change. */
  readonly shard: Shard;
};

/** Why an assignment changed. */
export type AssignmentCause =
  /** The gateway distributed unassigned shards. */
  | 'AUTOMATIC'
  /** An operator requested it. */
  | 'OPERATOR'
  /** A storage node started: each of its starts gives its shards a new epoch. */
  | 'REGISTRATION';

/** One change of a shard's assignment. */
export type AssignmentChange = {
  readonly __typename: 'AssignmentChange';
  /** When the assignment changed. */
  readonly at: Scalars['DateTime']['output'];
  /** Why the assignment changed. */
  readonly cause: AssignmentCause;
  /** The shard's epoch since this change. */
  readonly epoch: Scalars['Int']['output'];
  /** Whether the owner became the primary. */
  readonly isPrimary: Scalars['Boolean']['output'];
  /** Owner of the shard since this change; null when it became unassigned. The storage node may have been removed since. */
  readonly storageNodeName?: Maybe<Scalars['String']['output']>;
};

/** The whole cluster. */
export type Cluster = Node & {
  readonly __typename: 'Cluster';
  /** The gateways that the leader has seen in the last minute, the leader first. */
  readonly gateways: ReadonlyArray<Gateway>;
  /** Opaque and globally unique. */
  readonly id: Scalars['ID']['output'];
  /** Whether every shard has a live primary, and no storage node has a problem. */
  readonly isHealthy: Scalars['Boolean']['output'];
  /** Version of the cluster map; grows with every change. */
  readonly mapVersion: Scalars['Int']['output'];
  /** Display name. */
  readonly name: Scalars['String']['output'];
  /** Fixed at creation; 1 to 16,384. */
  readonly shardCount: Scalars['Int']['output'];
  /** All shards, by number. */
  readonly shards: ReadonlyArray<Shard>;
  /** All storage nodes, by name. */
  readonly storageNodes: ReadonlyArray<StorageNode>;
};

/** One deletion. */
export type DeleteInput = {
  /** Without it the deletion always happens. */
  readonly condition?: InputMaybe<WriteCondition>;
  /** 1 to 1024 bytes of UTF-8. */
  readonly key: Scalars['String']['input'];
};

/** The outcome of one deletion. */
export type DeleteResult = DeleteSuccess | Forbidden | InvalidKey | KeyNotFound | NotSupported | OutcomeUnknown | ShardUnavailable | VersionConflict;

/** The entry was deleted. */
export type DeleteSuccess = {
  readonly __typename: 'DeleteSuccess';
  /** Global ID of the entry that was deleted, for clients that keep a store by ID. */
  readonly deletedId: Scalars['ID']['output'];
  /** The key that was deleted. */
  readonly key: Scalars['String']['output'];
  /** The version that was deleted; null when the storage node keeps no versions. */
  readonly version?: Maybe<Scalars['Version']['output']>;
};

/** A storage node of a shared store that is to be drained, or whose draining is to end. */
export type DrainStorageNodeInput = {
  /** Name of a registered storage node. */
  readonly name: Scalars['String']['input'];
  /** True ends the draining: the storage node may be given shards again. */
  readonly undo: Scalars['Boolean']['input'];
};

/** Result of `drainStorageNode`. */
export type DrainStorageNodePayload = {
  readonly __typename: 'DrainStorageNodePayload';
  /** State after the change. It is safe to stop once it has no `shards`. */
  readonly storageNode: StorageNode;
};

/** A stored key with its value. */
export type Entry = Node & {
  readonly __typename: 'Entry';
  /** When the key was first written. Null when the storage node keeps no times. */
  readonly createdAt?: Maybe<Scalars['DateTime']['output']>;
  /** When the entry expires; null means never. */
  readonly expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** Global ID. It depends on the key only: it survives changes of the value, a deletion and a new `put`. */
  readonly id: Scalars['ID']['output'];
  /** The key as written: 1 to 1024 bytes of UTF-8. */
  readonly key: Scalars['String']['output'];
  /** The shard that owns this key. */
  readonly shard: Shard;
  /** Bytes of the value's JSON text in UTF-8. */
  readonly sizeBytes: Scalars['Int']['output'];
  /** When the value was last written. Null when the storage node keeps no times. */
  readonly updatedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The value. Null means that JSON's `null` is stored; a key that does not exist has no entry. */
  readonly value?: Maybe<Scalars['JSON']['output']>;
  /** The value as the JSON text that is stored, for clients whose JSON parser rounds numbers. */
  readonly valueText: Scalars['String']['output'];
  /** Changes with every write of this key; pass it to `WriteCondition.ifVersion`. Null when the storage node keeps no versions. */
  readonly version?: Maybe<Scalars['Version']['output']>;
};

/** A page of entries. */
export type EntryConnection = {
  readonly __typename: 'EntryConnection';
  /** In key order (bytewise), for `first` and `last` alike. */
  readonly edges: ReadonlyArray<EntryEdge>;
  /** Whether more entries precede or follow. */
  readonly pageInfo: PageInfo;
  /** Shards that could not answer; their entries are missing from this page. */
  readonly unavailableShards: ReadonlyArray<Shard>;
};

/** An entry and its place in a scan. */
export type EntryEdge = {
  readonly __typename: 'EntryEdge';
  /** Pass it as `after` or `before`. It stays valid when keys are added or deleted. */
  readonly cursor: Scalars['String']['output'];
  /** The entry. */
  readonly node: Entry;
};

/** When an entry expires, by the clock of the storage node that owns its shard. The latest moment is the end of the year 9999. */
export type Expiry =
  /** A moment in the future by that clock; a write whose moment has passed is refused with `ExpiryPassed`. */
  { readonly at: Scalars['DateTime']['input']; readonly ttlSeconds?: never; }
  |  /** Seconds from now, at least 1. An `Int` holds up to 68 years; for later moments use `at`. */
  { readonly at?: never; readonly ttlSeconds: Scalars['Int']['input']; };

/** By the clock of the shard's storage node, the write's expiry has already passed; nothing was written. */
export type ExpiryPassed = Problem & {
  readonly __typename: 'ExpiryPassed';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** The caller may not read or write this key. */
export type Forbidden = Problem & {
  readonly __typename: 'Forbidden';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** A gateway of the cluster. Any of them serves any request; the leader alone changes the cluster map. */
export type Gateway = {
  readonly __typename: 'Gateway';
  /** Whether it is the one that changes the cluster map. */
  readonly isLeader: Scalars['Boolean']['output'];
  /** When the leader last received its beat. */
  readonly lastSeenAt: Scalars['DateTime']['output'];
  /** Version of the cluster map that it uses. */
  readonly mapVersion: Scalars['Int']['output'];
  /** Its name, by default the host and port at which it answers; null when it has none. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** URL at which clients and storage nodes reach it; null when it does not say. */
  readonly url?: Maybe<Scalars['String']['output']>;
};

/** The outcome of one read in a batch. */
export type GetResult = Entry | Forbidden | InvalidKey | KeyNotFound | ShardUnavailable;

/** The key is empty, too long or not valid UTF-8, has control characters, or is `.` or `..`. */
export type InvalidKey = Problem & {
  readonly __typename: 'InvalidKey';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  /** The key as it was passed. */
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** The value is too large, nested too deep, has a name twice in one object, or is not JSON. */
export type InvalidValue = Problem & {
  readonly __typename: 'InvalidValue';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** No entry has this key. */
export type KeyNotFound = Problem & {
  readonly __typename: 'KeyNotFound';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type Mutation = {
  readonly __typename: 'Mutation';
  /**
   * Accepts that a storage node lost data: its next registration is accepted with the data that it has, under a new lineage of its
   * shards. For storage nodes that were refused with STORE_NOT_RECOGNIZED, or that a restored registry waits for.
   */
  readonly acceptStorageNodeLoss?: Maybe<AcceptStorageNodeLossPayload>;
  /** Assigns a shard to a storage node, without moving its data. Unless `force` is true, the shard must be empty. */
  readonly assignShard?: Maybe<AssignShardPayload>;
  /** Deletes one entry. */
  readonly delete?: Maybe<DeleteResult>;
  /** One result per item, in order (by default at most 1000). Items are independent: there is no transaction. */
  readonly deleteMany?: Maybe<ReadonlyArray<DeleteResult>>;
  /**
   * Gives the shards of a storage node to others of the same shared store, without copying data, and gives it no more until that
   * is undone.
   */
  readonly drainStorageNode?: Maybe<DrainStorageNodePayload>;
  /** Reads one entry, in order with the mutations of this request: a `get` after a `put` sees what it wrote. */
  readonly get?: Maybe<Entry>;
  /** Writes one entry. Without `expiry` it never expires. */
  readonly put?: Maybe<PutResult>;
  /**
   * One result per item, in order (by default at most 1000). Items are independent: there is no transaction. Items with the same key are
   * applied in their order.
   */
  readonly putMany?: Maybe<ReadonlyArray<PutResult>>;
  /** Adds a plain storage node, which does not register itself, or changes the URL of a storage node. */
  readonly registerStorageNode?: Maybe<RegisterStorageNodePayload>;
  /** Removes a storage node. Its shards are assigned to others. */
  readonly removeStorageNode?: Maybe<RemoveStorageNodePayload>;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationAcceptStorageNodeLossArgs = {
  input: AcceptStorageNodeLossInput;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationAssignShardArgs = {
  input: AssignShardInput;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationDeleteArgs = {
  condition?: InputMaybe<WriteCondition>;
  key: Scalars['String']['input'];
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationDeleteManyArgs = {
  items: ReadonlyArray<DeleteInput>;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationDrainStorageNodeArgs = {
  input: DrainStorageNodeInput;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationGetArgs = {
  key: Scalars['String']['input'];
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationPutArgs = {
  condition?: InputMaybe<WriteCondition>;
  expiry?: InputMaybe<Expiry>;
  key: Scalars['String']['input'];
  value: Scalars['JSON']['input'];
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationPutManyArgs = {
  items: ReadonlyArray<PutInput>;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationRegisterStorageNodeArgs = {
  input: RegisterStorageNodeInput;
};


/** Writes, run one after another. Fields are nullable so that a failing one does not discard the results of earlier ones. */
export type MutationRemoveStorageNodeArgs = {
  input: RemoveStorageNodeInput;
};

/** An object with a globally unique ID, refetchable through `Query.node`. */
export type Node = {
  /** Opaque and globally unique. */
  readonly id: Scalars['ID']['output'];
};

/** The shard's storage node keeps no versions, so conditions cannot be checked; nothing was written. */
export type NotSupported = Problem & {
  readonly __typename: 'NotSupported';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** The write was sent and its answer was lost: it may or may not have happened. Read the key, or repeat the write with a condition. */
export type OutcomeUnknown = Problem & {
  readonly __typename: 'OutcomeUnknown';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
  /** The shard that owns the key. */
  readonly shard: Shard;
};

/** Position of a page, as in the Relay cursor connections specification. */
export type PageInfo = {
  readonly __typename: 'PageInfo';
  /** Cursor of the last edge; null when the page is empty. */
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether more edges follow; when paging backwards, whether any edge follows `before`. */
  readonly hasNextPage: Scalars['Boolean']['output'];
  /** Whether more edges precede; when paging forwards, whether any edge precedes `after`. */
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  /** Cursor of the first edge; null when the page is empty. */
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

/** A failure that callers are expected to handle. New types may come: always select `... on Problem`. */
export type Problem = {
  /** For programs. */
  readonly code: ProblemCode;
  /** Whether the same request may succeed later. */
  readonly isRetryable: Scalars['Boolean']['output'];
  /** For people; may change. */
  readonly message: Scalars['String']['output'];
};

/** Stable codes for programs. */
export type ProblemCode =
  /** The stored entry fails its checksum. */
  | 'ENTRY_DAMAGED'
  /** By the clock of the shard's storage node, the write's expiry has already passed. */
  | 'EXPIRY_PASSED'
  /** The caller lacks the permission. */
  | 'FORBIDDEN'
  /** The key is not valid. */
  | 'INVALID_KEY'
  /** The value is not valid. */
  | 'INVALID_VALUE'
  /** No entry has the key. */
  | 'KEY_NOT_FOUND'
  /** The shard's storage node does not support the operation. */
  | 'NOT_SUPPORTED'
  /** The write may or may not have happened. */
  | 'OUTCOME_UNKNOWN'
  /** Too many operations are waiting for the shard's storage node. */
  | 'OVERLOADED'
  /** The shard's storage node could not be reached, or the shard has none. */
  | 'SHARD_UNAVAILABLE'
  /** The engine of the shard's storage node failed. */
  | 'STORAGE_FAILED'
  /** The shard's storage node has no space left. */
  | 'STORAGE_FULL'
  /** The write's condition did not hold. */
  | 'VERSION_CONFLICT';

/** One write. */
export type PutInput = {
  /** Without it the write always happens. */
  readonly condition?: InputMaybe<WriteCondition>;
  /** Without it the entry never expires, even if the entry that it replaces did. */
  readonly expiry?: InputMaybe<Expiry>;
  /** 1 to 1024 bytes of UTF-8. */
  readonly key: Scalars['String']['input'];
  /** Replaces the whole value. */
  readonly value: Scalars['JSON']['input'];
};

/** The outcome of one write. */
export type PutResult = ExpiryPassed | Forbidden | InvalidKey | InvalidValue | NotSupported | OutcomeUnknown | PutSuccess | ShardUnavailable | VersionConflict;

/** The entry was written. */
export type PutSuccess = {
  readonly __typename: 'PutSuccess';
  /** The entry as written. */
  readonly entry: Entry;
  /** False when an entry was replaced. */
  readonly isNew: Scalars['Boolean']['output'];
};

/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type Query = {
  readonly __typename: 'Query';
  /** The whole cluster. */
  readonly cluster?: Maybe<Cluster>;
  /** One result per key, in the order of `keys` (by default at most 1000). */
  readonly entries?: Maybe<ReadonlyArray<GetResult>>;
  /** One entry; null when the key does not exist. */
  readonly get?: Maybe<Entry>;
  /** Refetches any object by its global ID; null when it no longer exists. */
  readonly node?: Maybe<Node>;
  /** One object per ID, in the order of `ids` (by default at most 1000). */
  readonly nodes?: Maybe<ReadonlyArray<Maybe<Node>>>;
  /**
   * Entries whose key starts with `prefix`, in key order: the `first` after `after`, or the `last` before `before`. `first`
   * or `last` is by default at most 1000; without either, the first 100 are returned.
   */
  readonly scan?: Maybe<EntryConnection>;
  /** One shard; null when no shard has this number. */
  readonly shard?: Maybe<Shard>;
  /** The shard that owns `key`, whether or not the key exists. */
  readonly shardForKey?: Maybe<Shard>;
  /** All shards, or those in one state, by number. */
  readonly shards?: Maybe<ReadonlyArray<Shard>>;
  /** One storage node; null when none has this name. */
  readonly storageNode?: Maybe<StorageNode>;
  /** All storage nodes, by name. */
  readonly storageNodes?: Maybe<ReadonlyArray<StorageNode>>;
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryEntriesArgs = {
  keys: ReadonlyArray<Scalars['String']['input']>;
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryGetArgs = {
  key: Scalars['String']['input'];
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryNodesArgs = {
  ids: ReadonlyArray<Scalars['ID']['input']>;
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryScanArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  prefix: Scalars['String']['input'];
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryShardArgs = {
  number: Scalars['Int']['input'];
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryShardForKeyArgs = {
  key: Scalars['String']['input'];
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryShardsArgs = {
  state?: InputMaybe<ShardState>;
};


/** Reads. Fields are nullable so that one failing field does not discard the others. */
export type QueryStorageNodeArgs = {
  name: Scalars['String']['input'];
};

/** A storage node to add. */
export type RegisterStorageNodeInput = {
  /** Starts with a letter or digit; may also contain `.`, `_` and `-`. At most 63 characters. */
  readonly name: Scalars['String']['input'];
  /** URL at which the gateway reaches it: http or https. */
  readonly url: Scalars['String']['input'];
};

/** Result of `registerStorageNode`. */
export type RegisterStorageNodePayload = {
  readonly __typename: 'RegisterStorageNodePayload';
  /** State after the change. */
  readonly storageNode: StorageNode;
};

/** A storage node to remove. */
export type RemoveStorageNodeInput = {
  /** If false, the removal is refused while the storage node is live or owns shards that it does not report as empty. */
  readonly force: Scalars['Boolean']['input'];
  /** Name of a registered storage node. */
  readonly name: Scalars['String']['input'];
};

/** Result of `removeStorageNode`. */
export type RemoveStorageNodePayload = {
  readonly __typename: 'RemoveStorageNodePayload';
  /** Global ID of the removed storage node. */
  readonly removedId: Scalars['ID']['output'];
  /** The shards it owned; they are assigned to other storage nodes. */
  readonly unassignedShards: ReadonlyArray<Shard>;
};

/** A part of the key space. */
export type Shard = Node & {
  readonly __typename: 'Shard';
  /** The primary and the replicas. Null for callers who may not read cluster data. */
  readonly assignments?: Maybe<ReadonlyArray<ShardAssignment>>;
  /** Grows with every change of this shard's assignment; pass it to `ifEpoch`. */
  readonly epoch: Scalars['Int']['output'];
  /** Changes of the shard's owner, newest first. The last 32 are kept. */
  readonly history?: Maybe<ReadonlyArray<AssignmentChange>>;
  /** Opaque and globally unique. */
  readonly id: Scalars['ID']['output'];
  /** Live keys; null when the primary does not answer. */
  readonly keyCount?: Maybe<Scalars['BigInt']['output']>;
  /** Raised when data may have been lost, or were hidden by force. Versions are comparable only within one lineage. */
  readonly lineage: Scalars['Int']['output'];
  /** 0 to `Cluster.shardCount` - 1 (at most 16,383); a key's shard is its FNV-1a hash modulo `shardCount`. */
  readonly number: Scalars['Int']['output'];
  /** The storage node that serves the shard; null while unassigned. */
  readonly primary?: Maybe<StorageNode>;
  /** Storage nodes with copies; empty, because replicas are not supported yet. Null for callers who may not read cluster data. */
  readonly replicas?: Maybe<ReadonlyArray<StorageNode>>;
  /** Bytes of the live keys and their values; null when the primary does not answer. */
  readonly sizeBytes?: Maybe<Scalars['BigInt']['output']>;
  /** Whether the shard is served. */
  readonly state: ShardState;
};


/** A part of the key space. */
export type ShardHistoryArgs = {
  first: Scalars['Int']['input'];
};

/** Assignment of a shard to a storage node. */
export type ShardAssignment = {
  readonly __typename: 'ShardAssignment';
  /** Whether the storage node is the shard's primary. */
  readonly isPrimary: Scalars['Boolean']['output'];
  /** The shard. */
  readonly shard: Shard;
  /** The storage node that it is assigned to. */
  readonly storageNode: StorageNode;
};

/** Whether a shard is served. */
export type ShardState =
  /** Its primary is up, or was until a moment ago. */
  | 'ACTIVE'
  /** No storage node owns it yet. */
  | 'UNASSIGNED'
  /** Its primary is down, has a problem or has not registered yet; its keys answer SHARD_UNAVAILABLE. */
  | 'UNAVAILABLE';

/**
 * The shard's storage node could not be reached, or failed: `code` is SHARD_UNAVAILABLE, OVERLOADED, STORAGE_FULL,
 * STORAGE_FAILED or ENTRY_DAMAGED. If the operation was a write, nothing was written.
 */
export type ShardUnavailable = Problem & {
  readonly __typename: 'ShardUnavailable';
  readonly code: ProblemCode;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
  /** The shard that owns the key. */
  readonly shard: Shard;
};

/** A REST key-value server. (Named so because `Node` is the Relay interface.) */
export type StorageNode = Node & {
  readonly __typename: 'StorageNode';
  /** Opaque and globally unique. */
  readonly id: Scalars['ID']['output'];
  /** Whether an operator drains it: it gives its shards away, and is given none. */
  readonly isDraining: Scalars['Boolean']['output'];
  /** Whether its data are in a store that several storage nodes share, so that another one can take over its shards at once. */
  readonly isStoreShared: Scalars['Boolean']['output'];
  /** When this gateway last received a heartbeat or an answer from it; null before the first. */
  readonly lastSeenAt?: Maybe<Scalars['DateTime']['output']>;
  /** Latency of its recent answers; null before the first. */
  readonly latencyMs?: Maybe<Scalars['Float']['output']>;
  /** The id it registered with, for example `node1`; REST calls it `nodeId`. */
  readonly name: Scalars['String']['output'];
  /** Why it may not serve its shards, or cannot; null when its last registration was accepted and it reaches its database. */
  readonly problem?: Maybe<StorageNodeProblem>;
  /** The shards it is the primary of. */
  readonly shards: ReadonlyArray<Shard>;
  /** Shards that another storage node owns, but of which this one still has entries. Clients do not see these entries. */
  readonly staleShards: ReadonlyArray<Scalars['Int']['output']>;
  /** Its state, as this gateway sees it. */
  readonly state: StorageNodeState;
  /** URL at which the gateway reaches it. */
  readonly url: Scalars['String']['output'];
};

/** Why a storage node was refused: its shards are UNAVAILABLE until a registration of it is accepted. Or that it cannot reach its database. */
export type StorageNodeProblem = {
  readonly __typename: 'StorageNodeProblem';
  /** What to do. */
  readonly advice: Scalars['String']['output'];
  /** A code such as STORE_NOT_RECOGNIZED, CLUSTER_MISMATCH, NODE_CONFLICT or, for its database, SHARD_UNAVAILABLE. */
  readonly code: Scalars['String']['output'];
  /** What happened. */
  readonly message: Scalars['String']['output'];
  /** Numbers of the shards that cannot be served. */
  readonly shards: ReadonlyArray<Scalars['Int']['output']>;
  /** Id of the store that the storage node registered with; null when it sent none. */
  readonly storeId?: Maybe<Scalars['String']['output']>;
};

/** State of a storage node, as this gateway sees it. */
export type StorageNodeState =
  /** No heartbeat for a long time (by default 10 s). */
  | 'DOWN'
  /** No heartbeat for a while (by default 3 s). */
  | 'SUSPECT'
  /** Its heartbeats arrive. */
  | 'UP';

/** The condition of a write did not hold; nothing was written. */
export type VersionConflict = Problem & {
  readonly __typename: 'VersionConflict';
  readonly code: ProblemCode;
  /** The entry as it is; null when the key does not exist. */
  readonly current?: Maybe<Entry>;
  readonly isRetryable: Scalars['Boolean']['output'];
  readonly key: Scalars['String']['output'];
  readonly message: Scalars['String']['output'];
};

/** What must hold for a write to happen. */
export type WriteCondition =
  /** Must be `true`: the key does not exist. */
  { readonly ifAbsent: Scalars['Boolean']['input']; readonly ifPresent?: never; readonly ifVersion?: never; }
  |  /** Must be `true`: the key exists. */
  { readonly ifAbsent?: never; readonly ifPresent: Scalars['Boolean']['input']; readonly ifVersion?: never; }
  |  /** The key has exactly this version. */
  { readonly ifAbsent?: never; readonly ifPresent?: never; readonly ifVersion: Scalars['Version']['input']; };



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;



/** Mapping of union types */
export type ResolversUnionTypes<_RefType extends Record<string, unknown>> = {
  DeleteResult:
    | ( DeleteSuccess )
    | ( Forbidden )
    | ( InvalidKey )
    | ( KeyNotFound )
    | ( NotSupported )
    | ( Omit<OutcomeUnknown, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<ShardUnavailable, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<VersionConflict, 'current'> & { current?: Maybe<_RefType['Entry']> } )
  ;
  GetResult:
    | ( JsonEntry )
    | ( Forbidden )
    | ( InvalidKey )
    | ( KeyNotFound )
    | ( Omit<ShardUnavailable, 'shard'> & { shard: _RefType['Shard'] } )
  ;
  PutResult:
    | ( ExpiryPassed )
    | ( Forbidden )
    | ( InvalidKey )
    | ( InvalidValue )
    | ( NotSupported )
    | ( Omit<OutcomeUnknown, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<PutSuccess, 'entry'> & { entry: _RefType['Entry'] } )
    | ( Omit<ShardUnavailable, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<VersionConflict, 'current'> & { current?: Maybe<_RefType['Entry']> } )
  ;
};

/** Mapping of interface types */
export type ResolversInterfaceTypes<_RefType extends Record<string, unknown>> = {
  Node:
    | ( ClusterMap )
    | ( JsonEntry )
    | ( ShardRecord )
    | ( NodeRecord )
  ;
  Problem:
    | ( ExpiryPassed )
    | ( Forbidden )
    | ( InvalidKey )
    | ( InvalidValue )
    | ( KeyNotFound )
    | ( NotSupported )
    | ( Omit<OutcomeUnknown, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<ShardUnavailable, 'shard'> & { shard: _RefType['Shard'] } )
    | ( Omit<VersionConflict, 'current'> & { current?: Maybe<_RefType['Entry']> } )
  ;
};

/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  AcceptStorageNodeLossInput: AcceptStorageNodeLossInput;
  AcceptStorageNodeLossPayload: ResolverTypeWrapper<Omit<AcceptStorageNodeLossPayload, 'storageNode'> & { storageNode: ResolversTypes['StorageNode'] }>;
  AssignShardInput: AssignShardInput;
  AssignShardPayload: ResolverTypeWrapper<Omit<AssignShardPayload, 'shard'> & { shard: ResolversTypes['Shard'] }>;
  AssignmentCause: AssignmentCause;
  AssignmentChange: ResolverTypeWrapper<AssignmentChangeRecord>;
  BigInt: ResolverTypeWrapper<Scalars['BigInt']['output']>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Cluster: ResolverTypeWrapper<ClusterMap>;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  DeleteInput: DeleteInput;
  DeleteResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['DeleteResult']>;
  DeleteSuccess: ResolverTypeWrapper<DeleteSuccess>;
  DrainStorageNodeInput: DrainStorageNodeInput;
  DrainStorageNodePayload: ResolverTypeWrapper<Omit<DrainStorageNodePayload, 'storageNode'> & { storageNode: ResolversTypes['StorageNode'] }>;
  Entry: ResolverTypeWrapper<JsonEntry>;
  EntryConnection: ResolverTypeWrapper<EntryPage>;
  EntryEdge: ResolverTypeWrapper<Omit<EntryEdge, 'node'> & { node: ResolversTypes['Entry'] }>;
  Expiry: Expiry;
  ExpiryPassed: ResolverTypeWrapper<ExpiryPassed>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  Forbidden: ResolverTypeWrapper<Forbidden>;
  Gateway: ResolverTypeWrapper<GatewayStatus>;
  GetResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['GetResult']>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  InvalidKey: ResolverTypeWrapper<InvalidKey>;
  InvalidValue: ResolverTypeWrapper<InvalidValue>;
  JSON: ResolverTypeWrapper<Scalars['JSON']['output']>;
  KeyNotFound: ResolverTypeWrapper<KeyNotFound>;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Node: ResolverTypeWrapper<ResolversInterfaceTypes<ResolversTypes>['Node']>;
  NotSupported: ResolverTypeWrapper<NotSupported>;
  OutcomeUnknown: ResolverTypeWrapper<Omit<OutcomeUnknown, 'shard'> & { shard: ResolversTypes['Shard'] }>;
  PageInfo: ResolverTypeWrapper<PageSides>;
  Problem: ResolverTypeWrapper<ResolversInterfaceTypes<ResolversTypes>['Problem']>;
  ProblemCode: ProblemCode;
  PutInput: PutInput;
  PutResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['PutResult']>;
  PutSuccess: ResolverTypeWrapper<Omit<PutSuccess, 'entry'> & { entry: ResolversTypes['Entry'] }>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  RegisterStorageNodeInput: RegisterStorageNodeInput;
  RegisterStorageNodePayload: ResolverTypeWrapper<Omit<RegisterStorageNodePayload, 'storageNode'> & { storageNode: ResolversTypes['StorageNode'] }>;
  RemoveStorageNodeInput: RemoveStorageNodeInput;
  RemoveStorageNodePayload: ResolverTypeWrapper<Omit<RemoveStorageNodePayload, 'unassignedShards'> & { unassignedShards: ReadonlyArray<ResolversTypes['Shard']> }>;
  Shard: ResolverTypeWrapper<ShardRecord>;
  ShardAssignment: ResolverTypeWrapper<Omit<ShardAssignment, 'shard' | 'storageNode'> & { shard: ResolversTypes['Shard'], storageNode: ResolversTypes['StorageNode'] }>;
  ShardState: ShardState;
  ShardUnavailable: ResolverTypeWrapper<Omit<ShardUnavailable, 'shard'> & { shard: ResolversTypes['Shard'] }>;
  StorageNode: ResolverTypeWrapper<NodeRecord>;
  StorageNodeProblem: ResolverTypeWrapper<NodeProblem>;
  StorageNodeState: StorageNodeState;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Version: ResolverTypeWrapper<Scalars['Version']['output']>;
  VersionConflict: ResolverTypeWrapper<Omit<VersionConflict, 'current'> & { current?: Maybe<ResolversTypes['Entry']> }>;
  WriteCondition: WriteCondition;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  AcceptStorageNodeLossInput: AcceptStorageNodeLossInput;
  AcceptStorageNodeLossPayload: Omit<AcceptStorageNodeLossPayload, 'storageNode'> & { storageNode: ResolversParentTypes['StorageNode'] };
  AssignShardInput: AssignShardInput;
  AssignShardPayload: Omit<AssignShardPayload, 'shard'> & { shard: ResolversParentTypes['Shard'] };
  AssignmentChange: AssignmentChangeRecord;
  BigInt: Scalars['BigInt']['output'];
  Boolean: Scalars['Boolean']['output'];
  Cluster: ClusterMap;
  DateTime: Scalars['DateTime']['output'];
  DeleteInput: DeleteInput;
  DeleteResult: ResolversUnionTypes<ResolversParentTypes>['DeleteResult'];
  DeleteSuccess: DeleteSuccess;
  DrainStorageNodeInput: DrainStorageNodeInput;
  DrainStorageNodePayload: Omit<DrainStorageNodePayload, 'storageNode'> & { storageNode: ResolversParentTypes['StorageNode'] };
  Entry: JsonEntry;
  EntryConnection: EntryPage;
  EntryEdge: Omit<EntryEdge, 'node'> & { node: ResolversParentTypes['Entry'] };
  Expiry: Expiry;
  ExpiryPassed: ExpiryPassed;
  Float: Scalars['Float']['output'];
  Forbidden: Forbidden;
  Gateway: GatewayStatus;
  GetResult: ResolversUnionTypes<ResolversParentTypes>['GetResult'];
  ID: Scalars['ID']['output'];
  Int: Scalars['Int']['output'];
  InvalidKey: InvalidKey;
  InvalidValue: InvalidValue;
  JSON: Scalars['JSON']['output'];
  KeyNotFound: KeyNotFound;
  Mutation: Record<PropertyKey, never>;
  Node: ResolversInterfaceTypes<ResolversParentTypes>['Node'];
  NotSupported: NotSupported;
  OutcomeUnknown: Omit<OutcomeUnknown, 'shard'> & { shard: ResolversParentTypes['Shard'] };
  PageInfo: PageSides;
  Problem: ResolversInterfaceTypes<ResolversParentTypes>['Problem'];
  PutInput: PutInput;
  PutResult: ResolversUnionTypes<ResolversParentTypes>['PutResult'];
  PutSuccess: Omit<PutSuccess, 'entry'> & { entry: ResolversParentTypes['Entry'] };
  Query: Record<PropertyKey, never>;
  RegisterStorageNodeInput: RegisterStorageNodeInput;
  RegisterStorageNodePayload: Omit<RegisterStorageNodePayload, 'storageNode'> & { storageNode: ResolversParentTypes['StorageNode'] };
  RemoveStorageNodeInput: RemoveStorageNodeInput;
  RemoveStorageNodePayload: Omit<RemoveStorageNodePayload, 'unassignedShards'> & { unassignedShards: ReadonlyArray<ResolversParentTypes['Shard']> };
  Shard: ShardRecord;
  ShardAssignment: Omit<ShardAssignment, 'shard' | 'storageNode'> & { shard: ResolversParentTypes['Shard'], storageNode: ResolversParentTypes['StorageNode'] };
  ShardUnavailable: Omit<ShardUnavailable, 'shard'> & { shard: ResolversParentTypes['Shard'] };
  StorageNode: NodeRecord;
  StorageNodeProblem: NodeProblem;
  String: Scalars['String']['output'];
  Version: Scalars['Version']['output'];
  VersionConflict: Omit<VersionConflict, 'current'> & { current?: Maybe<ResolversParentTypes['Entry']> };
  WriteCondition: WriteCondition;
};

export type AcceptStorageNodeLossPayloadResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['AcceptStorageNodeLossPayload'] = ResolversParentTypes['AcceptStorageNodeLossPayload']> = {
  storageNode?: Resolver<ResolversTypes['StorageNode'], ParentType, ContextType>;
};

export type AssignShardPayloadResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['AssignShardPayload'] = ResolversParentTypes['AssignShardPayload']> = {
  shard?: Resolver<ResolversTypes['Shard'], ParentType, ContextType>;
};

export type AssignmentChangeResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['AssignmentChange'] = ResolversParentTypes['AssignmentChange']> = {
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  cause?: Resolver<ResolversTypes['AssignmentCause'], ParentType, ContextType>;
  epoch?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  isPrimary?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  storageNodeName?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export interface BigIntScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['BigInt'], any> {
  name: 'BigInt';
}

export type ClusterResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Cluster'] = ResolversParentTypes['Cluster']> = {
  gateways?: Resolver<ReadonlyArray<ResolversTypes['Gateway']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  isHealthy?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  mapVersion?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  shardCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  shards?: Resolver<ReadonlyArray<ResolversTypes['Shard']>, ParentType, ContextType>;
  storageNodes?: Resolver<ReadonlyArray<ResolversTypes['StorageNode']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DeleteResultResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['DeleteResult'] = ResolversParentTypes['DeleteResult']> = {
  __resolveType?: TypeResolveFn<'DeleteSuccess' | 'Forbidden' | 'InvalidKey' | 'KeyNotFound' | 'NotSupported' | 'OutcomeUnknown' | 'ShardUnavailable' | 'VersionConflict', ParentType, ContextType>;
};

export type DeleteSuccessResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['DeleteSuccess'] = ResolversParentTypes['DeleteSuccess']> = {
  deletedId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  version?: Resolver<Maybe<ResolversTypes['Version']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type DrainStorageNodePayloadResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['DrainStorageNodePayload'] = ResolversParentTypes['DrainStorageNodePayload']> = {
  storageNode?: Resolver<ResolversTypes['StorageNode'], ParentType, ContextType>;
};

export type EntryResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Entry'] = ResolversParentTypes['Entry']> = {
  createdAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  expiresAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  shard?: Resolver<ResolversTypes['Shard'], ParentType, ContextType>;
  sizeBytes?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  updatedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  value?: Resolver<Maybe<ResolversTypes['JSON']>, ParentType, ContextType>;
  valueText?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  version?: Resolver<Maybe<ResolversTypes['Version']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type EntryConnectionResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['EntryConnection'] = ResolversParentTypes['EntryConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['EntryEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  unavailableShards?: Resolver<ReadonlyArray<ResolversTypes['Shard']>, ParentType, ContextType>;
};

export type EntryEdgeResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['EntryEdge'] = ResolversParentTypes['EntryEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Entry'], ParentType, ContextType>;
};

export type ExpiryPassedResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['ExpiryPassed'] = ResolversParentTypes['ExpiryPassed']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ForbiddenResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Forbidden'] = ResolversParentTypes['Forbidden']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type GatewayResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Gateway'] = ResolversParentTypes['Gateway']> = {
  isLeader?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  lastSeenAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  mapVersion?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  url?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type GetResultResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['GetResult'] = ResolversParentTypes['GetResult']> = {
  __resolveType?: TypeResolveFn<'Entry' | 'Forbidden' | 'InvalidKey' | 'KeyNotFound' | 'ShardUnavailable', ParentType, ContextType>;
};

export type InvalidKeyResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['InvalidKey'] = ResolversParentTypes['InvalidKey']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type InvalidValueResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['InvalidValue'] = ResolversParentTypes['InvalidValue']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export interface JsonScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSON'], any> {
  name: 'JSON';
}

export type KeyNotFoundResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['KeyNotFound'] = ResolversParentTypes['KeyNotFound']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type MutationResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  acceptStorageNodeLoss?: Resolver<Maybe<ResolversTypes['AcceptStorageNodeLossPayload']>, ParentType, ContextType, RequireFields<MutationAcceptStorageNodeLossArgs, 'input'>>;
  assignShard?: Resolver<Maybe<ResolversTypes['AssignShardPayload']>, ParentType, ContextType, RequireFields<MutationAssignShardArgs, 'input'>>;
  delete?: Resolver<Maybe<ResolversTypes['DeleteResult']>, ParentType, ContextType, RequireFields<MutationDeleteArgs, 'key'>>;
  deleteMany?: Resolver<Maybe<ReadonlyArray<ResolversTypes['DeleteResult']>>, ParentType, ContextType, RequireFields<MutationDeleteManyArgs, 'items'>>;
  drainStorageNode?: Resolver<Maybe<ResolversTypes['DrainStorageNodePayload']>, ParentType, ContextType, RequireFields<MutationDrainStorageNodeArgs, 'input'>>;
  get?: Resolver<Maybe<ResolversTypes['Entry']>, ParentType, ContextType, RequireFields<MutationGetArgs, 'key'>>;
  put?: Resolver<Maybe<ResolversTypes['PutResult']>, ParentType, ContextType, RequireFields<MutationPutArgs, 'key' | 'value'>>;
  putMany?: Resolver<Maybe<ReadonlyArray<ResolversTypes['PutResult']>>, ParentType, ContextType, RequireFields<MutationPutManyArgs, 'items'>>;
  registerStorageNode?: Resolver<Maybe<ResolversTypes['RegisterStorageNodePayload']>, ParentType, ContextType, RequireFields<MutationRegisterStorageNodeArgs, 'input'>>;
  removeStorageNode?: Resolver<Maybe<ResolversTypes['RemoveStorageNodePayload']>, ParentType, ContextType, RequireFields<MutationRemoveStorageNodeArgs, 'input'>>;
};

export type NodeResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Node'] = ResolversParentTypes['Node']> = {
  __resolveType?: TypeResolveFn<'Cluster' | 'Entry' | 'Shard' | 'StorageNode', ParentType, ContextType>;
};

export type NotSupportedResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['NotSupported'] = ResolversParentTypes['NotSupported']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type OutcomeUnknownResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['OutcomeUnknown'] = ResolversParentTypes['OutcomeUnknown']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  shard?: Resolver<ResolversTypes['Shard'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type ProblemResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Problem'] = ResolversParentTypes['Problem']> = {
  __resolveType?: TypeResolveFn<'ExpiryPassed' | 'Forbidden' | 'InvalidKey' | 'InvalidValue' | 'KeyNotFound' | 'NotSupported' | 'OutcomeUnknown' | 'ShardUnavailable' | 'VersionConflict', ParentType, ContextType>;
};

export type PutResultResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['PutResult'] = ResolversParentTypes['PutResult']> = {
  __resolveType?: TypeResolveFn<'ExpiryPassed' | 'Forbidden' | 'InvalidKey' | 'InvalidValue' | 'NotSupported' | 'OutcomeUnknown' | 'PutSuccess' | 'ShardUnavailable' | 'VersionConflict', ParentType, ContextType>;
};

export type PutSuccessResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['PutSuccess'] = ResolversParentTypes['PutSuccess']> = {
  entry?: Resolver<ResolversTypes['Entry'], ParentType, ContextType>;
  isNew?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type QueryResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  cluster?: Resolver<Maybe<ResolversTypes['Cluster']>, ParentType, ContextType>;
  entries?: Resolver<Maybe<ReadonlyArray<ResolversTypes['GetResult']>>, ParentType, ContextType, RequireFields<QueryEntriesArgs, 'keys'>>;
  get?: Resolver<Maybe<ResolversTypes['Entry']>, ParentType, ContextType, RequireFields<QueryGetArgs, 'key'>>;
  node?: Resolver<Maybe<ResolversTypes['Node']>, ParentType, ContextType, RequireFields<QueryNodeArgs, 'id'>>;
  nodes?: Resolver<Maybe<ReadonlyArray<Maybe<ResolversTypes['Node']>>>, ParentType, ContextType, RequireFields<QueryNodesArgs, 'ids'>>;
  scan?: Resolver<Maybe<ResolversTypes['EntryConnection']>, ParentType, ContextType, RequireFields<QueryScanArgs, 'prefix'>>;
  shard?: Resolver<Maybe<ResolversTypes['Shard']>, ParentType, ContextType, RequireFields<QueryShardArgs, 'number'>>;
  shardForKey?: Resolver<Maybe<ResolversTypes['Shard']>, ParentType, ContextType, RequireFields<QueryShardForKeyArgs, 'key'>>;
  shards?: Resolver<Maybe<ReadonlyArray<ResolversTypes['Shard']>>, ParentType, ContextType, Partial<QueryShardsArgs>>;
  storageNode?: Resolver<Maybe<ResolversTypes['StorageNode']>, ParentType, ContextType, RequireFields<QueryStorageNodeArgs, 'name'>>;
  storageNodes?: Resolver<Maybe<ReadonlyArray<ResolversTypes['StorageNode']>>, ParentType, ContextType>;
};

export type RegisterStorageNodePayloadResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['RegisterStorageNodePayload'] = ResolversParentTypes['RegisterStorageNodePayload']> = {
  storageNode?: Resolver<ResolversTypes['StorageNode'], ParentType, ContextType>;
};

export type RemoveStorageNodePayloadResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['RemoveStorageNodePayload'] = ResolversParentTypes['RemoveStorageNodePayload']> = {
  removedId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  unassignedShards?: Resolver<ReadonlyArray<ResolversTypes['Shard']>, ParentType, ContextType>;
};

export type ShardResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['Shard'] = ResolversParentTypes['Shard']> = {
  assignments?: Resolver<Maybe<ReadonlyArray<ResolversTypes['ShardAssignment']>>, ParentType, ContextType>;
  epoch?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  history?: Resolver<Maybe<ReadonlyArray<ResolversTypes['AssignmentChange']>>, ParentType, ContextType, RequireFields<ShardHistoryArgs, 'first'>>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  keyCount?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  lineage?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  number?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  primary?: Resolver<Maybe<ResolversTypes['StorageNode']>, ParentType, ContextType>;
  replicas?: Resolver<Maybe<ReadonlyArray<ResolversTypes['StorageNode']>>, ParentType, ContextType>;
  sizeBytes?: Resolver<Maybe<ResolversTypes['BigInt']>, ParentType, ContextType>;
  state?: Resolver<ResolversTypes['ShardState'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ShardAssignmentResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['ShardAssignment'] = ResolversParentTypes['ShardAssignment']> = {
  isPrimary?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  shard?: Resolver<ResolversTypes['Shard'], ParentType, ContextType>;
  storageNode?: Resolver<ResolversTypes['StorageNode'], ParentType, ContextType>;
};

export type ShardUnavailableResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['ShardUnavailable'] = ResolversParentTypes['ShardUnavailable']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  shard?: Resolver<ResolversTypes['Shard'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type StorageNodeResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['StorageNode'] = ResolversParentTypes['StorageNode']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  isDraining?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  isStoreShared?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  lastSeenAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  latencyMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  problem?: Resolver<Maybe<ResolversTypes['StorageNodeProblem']>, ParentType, ContextType>;
  shards?: Resolver<ReadonlyArray<ResolversTypes['Shard']>, ParentType, ContextType>;
  staleShards?: Resolver<ReadonlyArray<ResolversTypes['Int']>, ParentType, ContextType>;
  state?: Resolver<ResolversTypes['StorageNodeState'], ParentType, ContextType>;
  url?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type StorageNodeProblemResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['StorageNodeProblem'] = ResolversParentTypes['StorageNodeProblem']> = {
  advice?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  code?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  shards?: Resolver<ReadonlyArray<ResolversTypes['Int']>, ParentType, ContextType>;
  storeId?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export interface VersionScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['Version'], any> {
  name: 'Version';
}

export type VersionConflictResolvers<ContextType = GraphqlContext, ParentType extends ResolversParentTypes['VersionConflict'] = ResolversParentTypes['VersionConflict']> = {
  code?: Resolver<ResolversTypes['ProblemCode'], ParentType, ContextType>;
  current?: Resolver<Maybe<ResolversTypes['Entry']>, ParentType, ContextType>;
  isRetryable?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type Resolvers<ContextType = GraphqlContext> = {
  AcceptStorageNodeLossPayload?: AcceptStorageNodeLossPayloadResolvers<ContextType>;
  AssignShardPayload?: AssignShardPayloadResolvers<ContextType>;
  AssignmentChange?: AssignmentChangeResolvers<ContextType>;
  BigInt?: GraphQLScalarType;
  Cluster?: ClusterResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  DeleteResult?: DeleteResultResolvers<ContextType>;
  DeleteSuccess?: DeleteSuccessResolvers<ContextType>;
  DrainStorageNodePayload?: DrainStorageNodePayloadResolvers<ContextType>;
  Entry?: EntryResolvers<ContextType>;
  EntryConnection?: EntryConnectionResolvers<ContextType>;
  EntryEdge?: EntryEdgeResolvers<ContextType>;
  ExpiryPassed?: ExpiryPassedResolvers<ContextType>;
  Forbidden?: ForbiddenResolvers<ContextType>;
  Gateway?: GatewayResolvers<ContextType>;
  GetResult?: GetResultResolvers<ContextType>;
  InvalidKey?: InvalidKeyResolvers<ContextType>;
  InvalidValue?: InvalidValueResolvers<ContextType>;
  JSON?: GraphQLScalarType;
  KeyNotFound?: KeyNotFoundResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  Node?: NodeResolvers<ContextType>;
  NotSupported?: NotSupportedResolvers<ContextType>;
  OutcomeUnknown?: OutcomeUnknownResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Problem?: ProblemResolvers<ContextType>;
  PutResult?: PutResultResolvers<ContextType>;
  PutSuccess?: PutSuccessResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  RegisterStorageNodePayload?: RegisterStorageNodePayloadResolvers<ContextType>;
  RemoveStorageNodePayload?: RemoveStorageNodePayloadResolvers<ContextType>;
  Shard?: ShardResolvers<ContextType>;
  ShardAssignment?: ShardAssignmentResolvers<ContextType>;
  ShardUnavailable?: ShardUnavailableResolvers<ContextType>;
  StorageNode?: StorageNodeResolvers<ContextType>;
  StorageNodeProblem?: StorageNodeProblemResolvers<ContextType>;
  Version?: GraphQLScalarType;
  VersionConflict?: VersionConflictResolvers<ContextType>;
};

