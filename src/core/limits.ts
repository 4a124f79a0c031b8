/**
 * Every bound of the system, with its reason. A queue, batch, retry, wait or body that is not bounded here is a bug.
 * Sizes are bytes of UTF-8, times are milliseconds.
 */

/** Longest key. With the shard prefix it stays well under the 1,978 bytes that an LMDB key may have. */
export const keyBytesMax = 1024;

/** Longest value. One value always fits into one batch, whatever else is in it. */
export const valueBytesMax = 1024 * 1024;

/** Deepest nesting of a value. Protects recursive readers on either side of the wire. */
export const valueDepthMax = 64;

/** Most keys in one batch field (`entries`, `putMany`, `deleteMany`). The schema's descriptions say the same number. */
export const batchKeysMax = 1000;

/** Most entries of one page, in the gateway's scan and in the storage node's listing. */
export const pageEntriesMax = 1000;

/** Page size when a listing names none. */
export const pageEntriesDefault = 100;

/** Most operations of one `POST /batch`: one full batch field travels in one request. */
export const nodeBatchOperationsMax = 1000;

/** Most bytes of values one `POST /batch` carries; four full-size values, so that a large one never waits alone. */
export const nodeBatchBytesMax = 4 * 1024 * 1024;

/** Longest body a storage node accepts on `/batch`: the values, and the head line with up to 1000 keys of 1 KiB, escaped. */
export const nodeBatchBodyBytesMax = nodeBatchBytesMax + 8 * 1024 * 1024;

/** After this many bytes of values a storage node answers the rest of a batch with BATCH_ANSWER_FULL, to be asked again. */
export const nodeBatchAnswerBytesMax = 8 * 1024 * 1024;

/**
 * Where the gateway cuts off a storage node's answer: the node stops adding values at half of this, and the last value
 * and the head line with escaped keys (a page holds up to 1000) may come on top.
 */
export const nodeAnswerBytesMax = 2 * nodeBatchAnswerBytesMax;

/** Longest GraphQL request body: a full `putMany` of 1000 items at 16 KiB each. */
export const graphqlBodyBytesMax = 16 * 1024 * 1024;

/** Longest body of the gateway's other REST routes (registration, assignment): 4096 shards in one registration. */
export const adminBodyBytesMax = 1024 * 1024;

/** Longest storage node name and cluster name. */
export const nameCharactersMax = 63;

/** Longest storage node URL. */
export const urlCharactersMax = 2048;

/** Most shards of a cluster. The console's strip and one registration body are made for this many. */
export const shardCountMax = 4096;

/** Most storage nodes of a cluster; each costs the gateway one connection pool and one mailbox. */
export const storageNodesMax = 1024;

/** Changes kept per shard; the registry document stays small enough to be written whole at every change. */
export const assignmentHistoryMax = 32;

/** How long a client's request may take in all, retries included. */
export const requestTimeoutMs = 5_000;

/** How long one attempt at a storage node may take: short enough that a second one fits into the request's deadline. */
export const attemptTimeoutMs = 2_000;

/** How long opening a connection may take. Loopback and one data centre need a few milliseconds. */
export const connectTimeoutMs = 1_000;

/** Most attempts at one read, the first included. */
export const attemptsMax = 3;

/** First pause before a retry; it doubles with each attempt and is drawn at random from zero to itself (full jitter). */
export const retryPauseMs = 25;

/** Longest pause before a retry. */
export const retryPauseMsMax = 400;

/** Failed attempts in a row after which a storage node's breaker opens. */
export const breakerFailuresMax = 3;

/** How long an open breaker refuses at once before it lets one attempt through. */
export const breakerOpenMs = 1_000;

/** How long an operation may gather with others while a batch to its storage node is in flight. */
export const mailboxWaitMs = 2;

/** Most batches in flight to one storage node. */
export const mailboxInFlightMax = 8;

/** Most operations waiting for one storage node; more are refused with OVERLOADED. */
export const mailboxOperationsMax = 50_000;

/** Most requests in flight to a plain storage node, which takes one key per request. */
export const plainNodeInFlightMax = 32;

/** Most writes of one group commit; bounds how long readers of the write's outcome wait. */
export const groupCommitOperationsMax = 4_000;

/** Most writes waiting at a storage node; more are refused with OVERLOADED. */
export const groupCommitQueueMax = 100_000;

/** How often a storage node tells the gateway that it lives. */
export const heartbeatIntervalMs = 1_000;

/** Silence after which a storage node is SUSPECT: three heartbeats lost. */
export const suspectAfterMs = 3_000;

/** Silence after which a storage node is DOWN. */
export const downAfterMs = 10_000;

/** How often expired entries are removed from a storage node's engine. */
export const sweepIntervalMs = 1_000;

/** Most entries one sweep removes, so that it never holds up writes for long. */
export const sweepEntriesMax = 1_000;

/** How long a stopping process waits for what it accepted. */
export const drainTimeoutMs = 10_000;

/** Tries at a registry change when another writer was faster. */
export const registryAttemptsMax = 8;
