/**
 * The bounds that several files use, each with its reason, under the layer that enforces it. A bound that only one file
 * reads is in that file, and those that operators may change are in bounds.ts. A queue, batch, retry, wait or body
 * without a bound is a bug. Sizes are bytes of UTF-8, times are milliseconds.
 */

// core ----------------------------------------------------------------------------------------------------------------

/** Longest key. With the shard prefix it stays well below the 1,978 bytes that an LMDB key may have. */
export const keyBytesMax = 1024;

/** Longest value. One value always fits into one batch, whatever else is in it. */
export const valueBytesMax = 1024 * 1024;

/** Deepest nesting of a value. Protects recursive readers at both ends of a connection. */
export const valueDepthMax = 64;

/** Latest moment of an expiry, in milliseconds since 1970: the end of the year 9999, the last moment of RFC 3339. */
export const expiryMsMax = 253_402_300_799_999;

/** Longest time to live, in seconds. The storage node refuses one that exceeds `expiryMsMax` by its own clock. */
export const ttlSecondsMax = Math.floor(expiryMsMax / 1000);

/** Latest moment, in milliseconds since 1970, that ECMAScript's Date can express. */
export const momentMsMax = 8.64e15;

/** Most keys in one batch field (`entries`, `putMany`, `deleteMany`). The schema's descriptions repeat the number. */
export const batchKeysMax = 1000;

/** Most entries of one page, in the gateway's scan and in the storage node's listing. */
export const pageEntriesMax = 1000;

/** Page size when a listing does not name one. */
export const pageEntriesDefault = 100;

/** Longest name of a storage node or cluster. */
export const nameCharactersMax = 63;

/** Longest URL of a storage node. */
export const urlCharactersMax = 2048;

/** Most shards of a cluster: a map of them all, with the most storage nodes, has at most `registryDocumentBytesMax`. */
export const shardCountMax = 16_384;

/** Most storage nodes of a cluster; each costs the gateway one connection pool and one mailbox. */
export const storageNodesMax = 2_000;

/**
 * Versions of a shard in one epoch: enough for 2.8 days of 18,000 writes a second. Further writes are refused, so that
 * no two owners give the same version; the storage node asks for a new epoch long before (`versionsBeforeNewEpoch`).
 */
export const versionsPerEpoch = 2 ** 32;

/**
 * Largest epoch of a shard: up to it versions are exact as numbers. A change of owner every ten minutes reaches it
 * after 39 years.
 */
export const epochMax = 2 ** 21 - 1;

// wire ----------------------------------------------------------------------------------------------------------------

/** Longest id of a start of a storage node, or of a leading gateway: a UUID, with room for other forms. */
export const incarnationCharactersMax = 128;

/** Most operations of one `POST /batch`: one full batch field fits into one request. */
export const nodeBatchOperationsMax = 1000;

/** Most bytes of values in one `POST /batch`: four full-size values, so that a large one never waits alone. */
export const nodeBatchBytesMax = 4 * 1024 * 1024;

/**
 * Longest body that a storage node accepts on `/batch`: the values, and the head with up to 1000 keys of 1 KiB,
 * escaped.
 */
export const nodeBatchBodyBytesMax = nodeBatchBytesMax + 8 * 1024 * 1024;

/**
 * After this many bytes of entries a storage node answers the rest of a batch with BATCH_ANSWER_FULL, to be sent again.
 */
export const nodeBatchAnswerBytesMax = 8 * 1024 * 1024;

/**
 * Where the gateway cuts off a storage node's answer: the node stops adding entries at half of this length, and the
 * last entry and the outcomes without an entry may be added to that.
 */
export const nodeAnswerBytesMax = 2 * nodeBatchAnswerBytesMax;

/**
 * Longest body of one frame between gateway and storage node. A longer message is split into several, and a short one
 * waits for one of them at most: less than a millisecond on a gigabit line.
 */
export const frameBodyBytesMax = 64 * 1024;

/**
 * Each part of an incomplete message counts as this many bytes at least, because it may take as much memory however
 * short it is.
 */
export const framePartBytesMin = 1024;

/**
 * Longest registration of a storage node, and longest answer to it: all shards of the largest cluster, and all starts.
 */
export const membershipBodyBytesMax = 4 * 1024 * 1024;

/** Longest `x-request-id` that is accepted from a client; it is in every log line. */
export const requestIdCharactersMax = 64;

// storage -------------------------------------------------------------------------------------------------------------

/** How long a delete or an expiry stays in a shard's change feed: a reader that was away for a day misses nothing. */
export const tombstoneAgeMsMax = 86_400_000;

/** Most tombstones of one shard; the oldest are dropped first. */
export const tombstonesMax = 100_000;

/**
 * How often an engine plans a change again because others changed the same shards meanwhile. Each time one of them made
 * progress.
 */
export const planAttemptsMax = 100;

// storage-node --------------------------------------------------------------------------------------------------------

/** Interval of a storage node's heartbeats. */
export const heartbeatIntervalMs = 1_000;

/** Ids of starts that a store keeps, and sends when it registers: the registry's last one must be among them. */
export const storeStartsMax = 1_000;

/**
 * How long the storage node waits for one call of its engine. After that the outcome of a write is unknown to its
 * callers.
 */
export const engineTimeoutMs = 20_000;

/** How long a storage node waits for a whole request: the longest body over a slow link. */
export const receiveTimeoutMs = 30_000;

/** Interval at which a storage node checks for requests that exceed `receiveTimeoutMs`, or the time for their heads. */
export const receiveCheckMs = 1_000;

/**
 * How long a storage node keeps reading a refused request, so that the client can read the answer: the rest of a body
 * that is too long, or anything after bytes that are not HTTP.
 */
export const refusedRequestMs = 1_000;

/**
 * How long an idle connection to a storage node stays open; longer than callers keep theirs, so that they close first.
 */
export const idleConnectionMs = 72_000;

/**
 * Most requests that a storage node accepts at once on one connection of frames; it continues to read when one is
 * answered.
 */
export const frameRequestsMax = 256;

/** Most bytes of unfinished requests on one connection of frames; a gateway sends further ones as `POST /batch`. */
export const frameRequestBytesMax = 4 * nodeBatchBodyBytesMax;

// registry ------------------------------------------------------------------------------------------------------------

/** Attempts at a registry change when other writers are faster. */
export const registryAttemptsMax = 8;

/** Interval at which the leading gateway raises its beat beside the cluster map, and at which the others read it. */
export const leaderBeatMs = 1_000;

/**
 * Longest registry file or log that is read: several times the file that 0.1.0 wrote with its history, and a full log.
 */
export const registryFileBytesMax = 64 * 1024 * 1024;

/** Changes of assignments kept per shard in the registry's log. */
export const assignmentHistoryMax = 32;

/** The registry's log is not compacted before it has this many bytes: about a hundred changes of all shards of a small cluster. */
export const registryLogBytesMin = 1024 * 1024;

/** How long a call to one of the registry's servers (etcd, PostgreSQL) may take before the next server is called. */
export const registryCallMs = 1_000;

/** Interval of polling the version of a registry on servers: the longest delay before a change is noticed. */
export const registryPollMs = 1_000;

/** Highest version of a cluster map: the largest `Int` of GraphQL. */
export const mapVersionMax = 2 ** 31 - 1;

/**
 * Highest version of a cluster map that a storage node or a gateway may report of a map that the registry does not have:
 * there is room for as many changes after it.
 */
export const mapVersionToldMax = 2 ** 30;

// routing -------------------------------------------------------------------------------------------------------------

/** How long opening a connection may take. Loopback and one data centre need a few milliseconds. */
export const connectTimeoutMs = 1_000;

/** How long one attempt at a storage node may take: short enough that a second one fits into the request's deadline. */
export const attemptTimeoutMs = 2_000;

/**
 * A storage node is not blamed for an attempt that ends after this much of its answer: it was sending, and the answer
 * was too large for the line or the gateway in that time. Far above what a node that sends too slowly transfers in an
 * attempt.
 */
export const largeAnswerBytesMin = 1024 * 1024;

/** How long an open breaker refuses requests at once before it lets one attempt through. */
export const breakerOpenMs = 1_000;

/** Most batches in flight to one storage node. */
export const mailboxInFlightMax = 8;

/** Most requests in flight to a plain storage node, which takes one key per request. */
export const plainNodeInFlightMax = 32;

/** Most client requests that the log names with a failed batch; a batch may serve as many as it has operations. */
export const requestIdsLoggedMax = 20;

// gateway -------------------------------------------------------------------------------------------------------------

/** Total time that a client's request may take, retries included. */
export const requestTimeoutMs = 5_000;

/** Interval at which a gateway checks for slow clients; a client may exceed the other bounds by this time. */
export const gatewayConnectionCheckMs = 1_000;

/**
 * Without a heartbeat for this time the gateway probes the storage node: the heartbeat is overdue by half an interval.
 * A gateway cannot be configured to call a storage node SUSPECT or DOWN any earlier.
 */
export const silentAfterMs = 1.5 * heartbeatIntervalMs;

/**
 * Most errors that are reported of a document, or of its variables, before one more that says that there are others.
 * Validation ends after as many; each costs a pass over the document's lines.
 */
export const graphqlDocumentErrorsMax = 20;

/** Longest name of a caller; it is in every line of the audit log. */
export const callerNameCharactersMax = 128;

/** Most grants of one caller: each key of a request is compared with them. */
export const callerGrantsMax = 100;

/** Shards named in the text of a readiness problem; its member `missing` lists all. */
export const missingShardsShown = 10;

/** Interval of the console's updates; a person sees a change within a second. */
export const consoleTickMs = 1_000;

// cli -----------------------------------------------------------------------------------------------------------------

/** How long a stopping process waits for accepted requests. */
export const drainTimeoutMs = 10_000;

/**
 * How much longer than its drain a stopping process may take before its parent kills it: time to close sockets and
 * files.
 */
export const stopMarginMs = 2_000;

/** Most import batches in flight: enough to keep every storage node busy, and at most 8 MiB in memory. */
export const importInFlightMax = 4;
