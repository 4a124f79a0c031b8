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

/** Latest moment that an expiry may name: the last of the year 9999, the last that RFC 3339 can write. Milliseconds since 1970. */
export const expiryMsMax = 253_402_300_799_999;

/** Longest time to live, in seconds. Reaching beyond `expiryMsMax` is refused where the storage node's clock decides. */
export const ttlSecondsMax = Math.floor(expiryMsMax / 1000);

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

/** What stands beside a key and a value in the answer to a batch, at most: a version, three moments, a length, and their names. */
export const entryFactsBytesMax = 160;

/** After this many bytes of entries a storage node answers the rest of a batch with BATCH_ANSWER_FULL, to be asked again. */
export const nodeBatchAnswerBytesMax = 8 * 1024 * 1024;

/**
 * Where the gateway cuts off a storage node's answer: the node stops adding entries at half of this, and the last one and
 * the outcomes without an entry may come on top.
 */
export const nodeAnswerBytesMax = 2 * nodeBatchAnswerBytesMax;

/** Longest GraphQL request body: a full `putMany` of 1000 items at 16 KiB each. */
export const graphqlBodyBytesMax = 16 * 1024 * 1024;

/** Deepest nesting of a JSON body: a full-depth value as a variable, with the braces around it and some room. */
export const jsonBodyDepthMax = 2 * valueDepthMax;

/** Most parts of a JSON body, which JSON.parse pays for. A full-size value has fewer, and nearly every import batch. */
export const jsonBodyPartsMax = 1_200_000;

/** Longest GraphQL document: a page of text for every field it may have. Values of more belong into variables. */
export const graphqlDocumentBytesMax = 256 * 1024;

/** Most tokens of one GraphQL document, and most lines: parsed and validated in some ten milliseconds. */
export const graphqlTokensMax = 15_000;

/** Most operations and fragments of a GraphQL document: each operation is validated with all fragments it reaches. */
export const graphqlDefinitionsMax = 100;

/** Deepest nesting of a GraphQL document: twice that of the introspection query, which is deeper than what people ask. */
export const graphqlDepthMax = 32;

/** Most aliases of a GraphQL document; who wants more of one field has `entries`, `nodes`, `putMany` and `deleteMany`. */
export const graphqlAliasesMax = 100;

/** Most directives of a GraphQL document: two for each fragment of a large application. */
export const graphqlDirectivesMax = 100;

/** Most fields at the top of an operation; each may be a batch. */
export const graphqlRootFieldsMax = 100;

/** Most fields of a GraphQL document, fragments expanded: a hundred batch fields with fifty fields for each item. */
export const graphqlFieldsMax = 5_000;

/** Most pairs of fields and fragments that validating a document compares: some ten milliseconds. */
export const graphqlComparisonsMax = 20_000;

/** About how many facts of the schema a document may ask for; the introspection query of usual tools has a third. */
export const graphqlIntrospectedMax = 200_000;

/** Most that one GraphQL request may ask for, in keys and shards: ten full batch fields, or two pages of the largest cluster. */
export const graphqlCostMax = 10_000;

/**
 * Most errors told of a document, or of its variables, and one more that says that there are others. Validation ends after
 * as many; each costs a look through the document's lines.
 */
export const graphqlDocumentErrorsMax = 20;

/** Most parsed GraphQL documents kept for the next request with the same one. */
export const graphqlDocumentsCachedMax = 500;

/** Most variables in conditions (`@skip`, `@include`) of a planned document: it has a plan for each combination. */
export const planConditionsMax = 4;

/** Longest GraphQL document that is kept; longer ones carry literal values and do not come twice. */
export const graphqlDocumentCachedCharactersMax = 8 * 1024;

/** Longest manifest of persisted documents: thousands of documents of several KiB each. */
export const persistedDocumentsBytesMax = 16 * 1024 * 1024;

/** Characters of an unknown document's id that are repeated in the message: a prefix and a SHA-256 in hexadecimal fit. */
export const documentIdCharactersShown = 80;

/** Longest message of a GraphQL error: GraphQL quotes whole arguments in its own, and those are as long as a body. */
export const graphqlMessageCharactersMax = 2_000;

/** Most places in the document that a GraphQL error names: the two that contradict each other. */
export const graphqlErrorPlacesMax = 2;

/** Longest `x-request-id` that is taken over from a client; it stands in every log line. */
export const requestIdCharactersMax = 64;

/** Most client requests that the log names beside a batch that failed; a batch may serve as many as it has operations. */
export const requestIdsLoggedMax = 20;

/** How often the files that say who may do what are read again. A change takes effect when it was seen twice. */
export const accessFileCheckMs = 500;

/** Longest file of tokens or of keys that tokens are signed with: thousands of entries. */
export const accessFileBytesMax = 4 * 1024 * 1024;

/** Longest name of a caller; it stands in every line of the audit log. */
export const callerNameCharactersMax = 128;

/** Most grants of one caller: each key of a request is held against them. */
export const callerGrantsMax = 100;

/** How far the clock of whoever signs tokens may be off, in seconds. */
export const tokenClockToleranceS = 5;

/** How long the server with the keys that tokens are signed with may take to answer. */
export const keySetTimeoutMs = 3_000;

/** After keys were fetched, an unknown key is not asked for again before this time: nobody can make the gateway ask without end. */
export const keySetCooldownMs = 30_000;

/** How long fetched keys are trusted before they are fetched again. */
export const keySetAgeMsMax = 600_000;

/** How often it is looked at whether those who watch the console still may. */
export const consoleRecheckMs = 10_000;

/** Shortest secret of a cluster: 32 random characters cannot be guessed. */
export const clusterSecretCharactersMin = 32;

/** Longest file with a secret: a mistaken file is noticed. */
export const secretFileBytesMax = 8 * 1024;

/** Random bytes of a token that `shardgate token` makes. */
export const tokenBytes = 32;

/** Longest body of the gateway's other REST routes, such as an assignment of a shard. */
export const adminBodyBytesMax = 1024 * 1024;

/** Longest registration of a storage node, and longest answer to it: all shards of the largest cluster, and all starts. */
export const membershipBodyBytesMax = 4 * 1024 * 1024;

/** Longest storage node name and cluster name. */
export const nameCharactersMax = 63;

/** Longest incarnation of a storage node: a UUID, with room for other ways to draw one. */
export const incarnationCharactersMax = 128;

/** Longest storage node URL. */
export const urlCharactersMax = 2048;

/** Most shards of a cluster: a map of them all, with the most storage nodes, is at most `registryDocumentBytesMax`. */
export const shardCountMax = 16_384;

/** Shards of a new cluster when nobody says otherwise: enough to spread over dozens of storage nodes. */
export const shardCountDefault = 64;

/**
 * Versions that a shard has under one epoch: 2.8 days of 18,000 writes a second. A write beyond them is refused, so that no
 * two owners give the same one; the storage node asks for a new epoch long before (`versionsBeforeNewEpoch`).
 */
export const versionsPerEpoch = 2 ** 32;

/** Largest epoch of a shard: up to it versions are exact as numbers. Changing hands every ten minutes gets there after 39 years. */
export const epochMax = 2 ** 21 - 1;

/** Highest version of a cluster map that a storage node is believed to know: GraphQL's `Int` holds as many changes beyond it. */
export const mapVersionToldMax = 2 ** 30;

/** Most storage nodes of a cluster; each costs the gateway one connection pool and one mailbox. */
export const storageNodesMax = 2_000;

/** Changes of assignments kept per shard in the registry's log. */
export const assignmentHistoryMax = 32;

/** Longest cluster map as stored, together with the record of its newest change: what etcd takes, with room to spare. */
export const registryDocumentBytesMax = 1024 * 1024;

/**
 * Longest cluster map that still takes a further storage node, a longer URL or a move. The rest is for what must not be
 * refused: longer epochs and lineages, and the claims that are gathered after the registry was put back.
 */
export const registryGrowthBytesMax = 600 * 1024;

/** Commands that share one write of the registry: so many are carried out without a noticeable pause. */
export const registryBatchMax = 256;

/** Changes kept in the registry's log in all: 32 of each shard up to 2,048 shards, four of each with the most. */
export const assignmentLogChangesMax = 65_536;

/** The registry's log is not compacted before it has this many bytes: about a hundred changes of all shards of a small cluster. */
export const registryLogBytesMin = 1024 * 1024;

/** Ids of starts that a store keeps, and names when it registers: the registry's last one must be among them. */
export const storeStartsMax = 1_000;

/**
 * Starts within `startPaceMs` that are registered at once; further ones wait `startPauseMs` first, because each takes a new
 * epoch for every shard: a storage node that restarts in a loop uses up `epochMax` only after two years.
 */
export const startsAtOnceMax = 20;
export const startPaceMs = 600_000;
export const startPauseMs = 30_000;

/** How long a delete or an expiry stays in a shard's change feed: a reader that was away for a day misses nothing. */
export const tombstoneAgeMsMax = 86_400_000;

/** Most tombstones of one shard; the oldest go first. */
export const tombstonesMax = 100_000;

/** Times that an engine plans a change anew because others changed the same shards meanwhile; each time one of them got on. */
export const planAttemptsMax = 100;

/** Entries that one transaction of an upgrade of a data folder moves: some megabytes, and well under a second. */
export const upgradeEntriesMax = 2_000;

/** Problems that a check of a data folder lists one by one; further ones are only counted. */
export const verifyProblemsMax = 1_000;

/** How long the storage node waits for one call of its engine. Afterwards a write's outcome is unknown to its callers. */
export const engineTimeoutMs = 20_000;

/** Versions of an epoch after which its storage node asks for a new one: half are left, a day and a half at 18,000 a second. */
export const versionsBeforeNewEpoch = 2 ** 31;

/** How long a client's request may take in all, retries included. */
export const requestTimeoutMs = 5_000;

/** How long one attempt at a storage node may take: short enough that a second one fits into the request's deadline. */
export const attemptTimeoutMs = 2_000;

/**
 * An attempt that its callers' deadline made shorter than this says nothing against a storage node that was silent: a busy
 * one may need as long. A request's last attempt at a node that hangs is longer, and still counts.
 */
export const tellingAttemptMs = 500;

/**
 * The time of an attempt counts in slices this long. A gateway that stands still for longer, because it is busy with large
 * answers, counts one slice, and reads what has come meanwhile: its own standstill is not the storage node's silence.
 */
export const attemptSliceMs = 250;

/**
 * An attempt that ends with this much of its answer says nothing against the storage node: it sent what it was asked for,
 * and that was more than the line or the gateway took in time. Far above what a node that trickles sends in an attempt.
 */
export const largeAnswerBytesMin = 1024 * 1024;

/** How long a client may take to send its headers; holds off those that open connections and trickle. */
export const gatewayHeadersTimeoutMs = 10_000;

/** How long a client may take to send its whole request: a full GraphQL body over a slow line. */
export const gatewayReceiveTimeoutMs = 60_000;

/** How often connections are looked at for the bounds around this one: how much later than they say a slow client is cut off. */
export const gatewayConnectionCheckMs = 1_000;

/** After this long a body must have come at `gatewayBodyBytesPerSecondMin` on the average. */
export const gatewayBodyGraceMs = 10_000;

/** Slowest body: a line that is slower than any modem. Holds off those that send a byte now and then. */
export const gatewayBodyBytesPerSecondMin = 1024;

/** How long what still comes of a request that is answered is thrown away, so that its client gets to read the answer. */
export const gatewayDiscardMs = 2_000;

/** How long a client may take to fetch its answer once all of it is ready: as long as for sending a request. */
export const gatewaySendTimeoutMs = 60_000;

/** Most requests under way at a gateway; about a second's work, so that those beyond it would wait longer than they like. */
export const gatewayRequestsMax = 2_000;

/** Most requests of one client under way: what a client that is alone gets of them all. */
export const gatewayClientRequestsMax = gatewayRequestsMax / 2;

/** Most connections to a gateway: some 100 MB of buffers and objects when all of them are idle. */
export const gatewayConnectionsMax = 10_000;

/** Bytes of the bodies of all requests under way; parsed they take about four times as much memory. */
export const gatewayBodiesBytesMax = 128 * 1024 * 1024;

/** Bytes of the values and answers of all requests under way, those that slow clients have not fetched yet included. */
export const gatewayAnswersBytesMax = 256 * 1024 * 1024;

/** Longest head of a request, its URL and all headers together: Node's own bound, said here so that it stays. */
export const gatewayHeaderBytesMax = 16 * 1024;

/** Most headers of a request; browsers behind a few proxies send forty. Beyond its own bound Node would drop some silently. */
export const gatewayHeadersMax = 100;

/** How long a browser may remember what a web page of another origin may do here: the longest that Chrome does. */
export const corsMaxAgeSeconds = 7_200;

/** How long a client whose bytes are no HTTP may take to read why, before its connection is cut. */
export const gatewayLingerMs = 1_000;

/** How long a client's idle connection is kept; above the 60 s of usual load balancers, so that they close first. */
export const gatewayKeepAliveMs = 65_000;

/** Longest path segment that is looked at; above the 16 KiB of Node's header limit, so that no key is cut silently. */
export const pathSegmentCharactersMax = 64 * 1024;

/** Shards named in the text of a readiness problem; its `missing` member lists all. */
export const missingShardsShown = 10;

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

/**
 * Up to this utilization of the gateway's event loop every operation leaves at once, in as many batches as may be in flight;
 * from `gatheringFrom` on, operations gather while a single batch is in flight. A batch of its own costs CPU time that an idle
 * gateway has and a busy one must save.
 */
export const noGatheringUpTo = 0.7;
export const gatheringFrom = 0.95;

/** How often the event loop's utilization is looked at, and in what time an old one counts half. */
export const utilizationSampleMs = 20;
export const utilizationHalfLifeMs = 40;

/** From this length on an answer is turned into bytes before it is written. */
export const sentAsBytesMin = 16_384;

/** From this length on a value is a piece of its answer's text; shorter ones cost less as parts of one. */
export const ownPieceCharactersMin = 1024;

/** Values that are shorter than this on the average are decoded in one go; longer ones cost more as parts of so long a text. */
export const decodedTogetherBytesMax = 512;

/** Most batches in flight to one storage node. */
export const mailboxInFlightMax = 8;

/**
 * Most operations at one storage node of a caller whose operations do not wait behind those of larger ones: a form's or a
 * page's. Full-size values of so many fill one answer of the storage node twice.
 */
export const fewOperationsMax = 16;

/** Most operations of small callers waiting for one storage node, and of larger ones; more are refused with OVERLOADED. */
export const mailboxOperationsMax = 50_000;

/** Most requests in flight to a plain storage node, which takes one key per request. */
export const plainNodeInFlightMax = 32;

/** Most connections to one storage node: a full load of either kind, and room for probes and assignments beside it. */
export const nodeConnectionsMax = plainNodeInFlightMax + 2 * mailboxInFlightMax;

/** Bytes of values after which a scan's page ends early, whatever its limit: the gateway holds a page in memory. */
export const scanPageBytesMax = 16 * 1024 * 1024;

/** Values that one client request may bring into the gateway's memory, in all its fields together. */
export const requestAnswerBytesMax = 64 * 1024 * 1024;

/** Items of all lists that one GraphQL request may get: a hundred full batch fields, or the grid of a large cluster. */
export const requestListItemsMax = 100_000;

/** Most errors in one GraphQL answer; a field that fails for each item of a long list says no more the hundredth time. */
export const graphqlErrorsMax = 100;

/**
 * About how long a receipt (`x-shardgate-trace: 1`) may become, in characters: what a person reads, or a tool keeps beside
 * the answer. Some 300 fields of one batch each fit; the largest cluster's shards in one batch come on top.
 */
export const receiptCharactersMax = 64 * 1024;

/** Most finished spans that wait to be sent to a collector; further ones are dropped. A few MiB of memory at most. */
export const traceQueueMax = 2_048;

/** Most spans of one message to a collector. */
export const traceBatchMax = 512;

/** How long finished spans gather before they are sent; nobody reads a trace sooner. */
export const traceExportMs = 1_000;

/** How long a collector may take to answer, tries included; a process that stops may stay this long for its sockets. */
export const traceExportTimeoutMs = 3_000;

/** How long a stopping process waits for the collector to take its last spans: well within `stopMarginMs`. */
export const traceFlushMs = 1_000;

/** Most links of one span: a batch serves as many requests as it has operations, and nobody looks at more than these. */
export const spanLinksMax = 128;

/** Longest text in a span; names of operations come from clients. */
export const spanAttributeCharactersMax = 256;

/** Longest GraphQL answer, in characters: aliases may repeat values. A quarter of the longest string that V8 can hold. */
export const graphqlAnswerCharactersMax = 128 * 1024 * 1024;

/** Most writes of one group commit; bounds how long readers of the write's outcome wait. */
export const groupCommitOperationsMax = 4_000;

/** Most writes waiting at a storage node; more are refused with OVERLOADED. */
export const groupCommitQueueMax = 100_000;

/** Most workers of a gateway or storage node: more than the cores of any machine that one of them would be given alone. */
export const workersMax = 256;

/** First pause before a worker is started again that ended soon after its start; it doubles each time. */
export const workerPauseMs = 100;

/** Longest of those pauses. */
export const workerPauseMsMax = 5_000;

/** A worker that lived for this long is started again without a pause: it can serve, whatever ended it. */
export const workerSteadyMs = 10_000;

/** How long the primary process and its workers wait for each other: the deadline of a request, within which all else is tried. */
export const peerCallTimeoutMs = 5_000;

/** How long a change of the cluster map waits for the gateway's workers to go by it: they do within a turn, or hang. */
export const mapToldTimeoutMs = 1_000;

/** Most calls of one process that wait for another: every storage node may register and send its heartbeat at once. */
export const peerCallsMax = 4_096;

/** Most changes of the assignments waiting at a storage node: its own agent's, and those that several gateways tell at once. */
export const assignmentChangesMax = 64;

/** About this many bytes of values make one group commit: a transaction that the disk takes well within a second. */
export const groupCommitBytesMax = 16 * 1024 * 1024;

/** About this many bytes of values may wait at a storage node; more are refused with OVERLOADED. Bounds its memory. */
export const groupCommitQueueBytesMax = 256 * 1024 * 1024;

/** How often a storage node tells the gateway that it lives. */
export const heartbeatIntervalMs = 1_000;

/**
 * Without a heartbeat for this long the gateway asks the storage node itself: one is overdue by half an interval. A gateway
 * cannot be told to call a storage node SUSPECT or DOWN any earlier.
 */
export const silentAfterMs = 1.5 * heartbeatIntervalMs;

/** Silence after which a storage node is SUSPECT: three heartbeats lost. */
export const suspectAfterMs = 3_000;

/** Silence after which a storage node is DOWN. */
export const downAfterMs = 10_000;

/** How long a storage node may take to answer a probe, or to take its assignments; a node slower than this is silent. */
export const probeTimeoutMs = 1_000;

/** Longest pause before a storage node that did not take its assignments is sent them again: each failure doubles the pause. */
export const assignmentsRetryMsMax = 8_000;

/** How long a storage node waits for a whole request: the longest body over a slow link. */
export const receiveTimeoutMs = 30_000;

/** How long a storage node waits for a request's head, which is a few kilobytes. */
export const receiveHeadTimeoutMs = 10_000;

/** How often a storage node looks at its connections for the two bounds above. */
export const receiveCheckMs = 1_000;

/**
 * How long a storage node goes on reading a request that it has refused, so that the client gets to read why: the rest of a
 * body that is too long, or whatever follows bytes that are no HTTP.
 */
export const refusedRequestMs = 1_000;

/** How long an idle connection to a storage node stays open; longer than callers keep theirs, so that they close first. */
export const idleConnectionMs = 72_000;

/**
 * Longest body of one frame between gateway and storage node. A longer message is cut into several, and a short one waits
 * for one of them at most: less than a millisecond on a line of a gigabit.
 */
export const frameBodyBytesMax = 64 * 1024;

/** Each part of a message that is not whole counts as this many bytes at least: so much it may take, however short it is. */
export const framePartBytesMin = 1024;

/** Up to here the frames of one turn are joined for one write; copying more would cost more than a write of several pieces. */
export const frameJoinedBytesMax = 16 * 1024;

/** Most requests that a storage node takes in at once on one connection of frames; it reads on when one is answered. */
export const frameRequestsMax = 256;

/**
 * Most of them that run at once on one connection: many times what a gateway has on its way to a storage node, and few
 * enough that their answers, which may be `nodeBatchAnswerBytesMax` long, fit in memory.
 */
export const frameRunningMax = 32;

/** Most bytes of unfinished requests on one connection of frames; a gateway sends what goes beyond as `POST /batch`. */
export const frameRequestBytesMax = 4 * nodeBatchBodyBytesMax;

/** Bytes of answers that a gateway has not fetched, after which a storage node begins nothing more for that connection. */
export const frameAnswerBytesMax = 2 * nodeBatchAnswerBytesMax;

/** Most connections of frames from one process of a gateway to one storage node, which asks for one for each of its workers. */
export const frameConnectionsMax = 16;

/** How long a gateway sends `POST /batch` before it asks again for the upgrade that was refused, or did not work. */
export const frameRetryMs = 10_000;

/** After this long without a call a gateway closes its connection of frames: before the storage node does. */
export const frameIdleMs = 60_000;

/** The gateway counts the time of calls over frames in ticks this long: a call ends up to one too late, never too early. */
export const frameTickMs = 50;

/** Longest `traceparent` (W3C Trace Context, version 00). */
export const traceparentCharactersMax = 55;

/** How often expired entries are removed from a storage node's engine. */
export const sweepIntervalMs = 1_000;

/**
 * How often a sweep looks at every shard, and so finds what other processes have written. It costs some 20 ms for 16,384
 * shards, and readers do not depend on it: an expired entry is gone for them at its moment.
 */
export const sweepScanMs = 10_000;

/** Most entries one sweep removes, so that it never holds up writes for long. */
export const sweepEntriesMax = 1_000;

/**
 * Stale items of a shard's index of changes that are left alone: a pass over the index of a small shard pays only when
 * it removes many, and they take some 30 KB.
 */
export const staleItemsMin = 1_000;

/** Or so many for each key, if that is more: the more are removed at once, the more of them share a page. */
export const staleItemsPerKeyMax = 0.5;

/** Stale items that a process remembers, so that it need not look for them: some megabytes. */
export const staleItemsListedMax = 500_000;

/**
 * Items of the journal of changes that are moved to the shards' lists at once: the more, the more of them share a list and
 * a page. Readers of the change feed look through all of the journal, some hundred microseconds.
 */
export const journalItemsMin = 4_000;

/** Most bytes of the journal of changes that one sweep moves: a few milliseconds. */
export const journalBytesMax = 256 * 1024;

/** Most bytes of a list in an index of changes: what LMDB keeps in one of its pages of 4 KB together with another one. */
export const changeListBytesMax = 1_500;

/** Most items of the indexes of changes that one sweep looks at: some milliseconds, in which no write gets on. */
export const sweepIndexItemsMax = 4_000;

/** Most bytes of entries that one sweep reads to tell which items are stale: some milliseconds too, where values are large. */
export const sweepIndexBytesMax = 8 * 1024 * 1024;

/** How long a stopping process waits for what it accepted. */
export const drainTimeoutMs = 10_000;

/**
 * How long a gateway goes on serving after SIGTERM, by default: load balancers that ask `/ready` every 2 s have noticed,
 * and so has Kubernetes, which needs a second or two to take an ended pod out of its services.
 */
export const drainDelayMsDefault = 5_000;

/** Longest drain delay: load balancers that look once a minute, and then several times, have noticed. */
export const drainDelayMsMax = 600_000;

/** How long a gateway that takes no further connection waits for a first request on those that have had none. */
export const drainUnusedMs = 1_000;

/**
 * How long a drained storage node goes on refusing: its gateways stop sending at the first refusal, so that no write is on its
 * way, and its outcome unknown, when the connections close.
 */
export const refusingMs = 200;

/** How long a storage node may take to seal a shard that is assigned to another one, before that is given up. */
export const moveTimeoutMs = 5_000;

/** Pause between two looks at whether it has. */
export const movePollMs = 50;

/** How long a refused registration of a storage node that is not in the cluster map is remembered; nodes try each second. */
export const strangerProblemMs = 60_000;

/** Tries at a registry change when another writer was faster. */
export const registryAttemptsMax = 8;

/** How often the leading gateway raises its beat beside the cluster map, and the others look at it. */
export const leaderBeatMs = 1_000;

/** How much longer than its drain a stopping process may take before its parent ends it: closing sockets and files. */
export const stopMarginMs = 2_000;

/** How long a start waits for the lock of its data folder or registry: a supervisor starts a process before the last is gone. */
export const lockWaitMs = 1_000;

/** Pause between two looks at whether the npm that started a process has ended; its port is free again soon after. */
export const parentPollMs = 500;

/** Pause between two tries at that lock. */
export const lockPollMs = 25;

/** How often `shardgate dev` asks its gateway whether every shard is served. */
export const readyPollMs = 50;

/** After this long without being ready `shardgate dev` says what is missing; it goes on waiting. */
export const readyNoticeMs = 10_000;

/** How much of the end of a process's log `shardgate dev` reads to say why that process ended. */
export const logTailBytesMax = 16 * 1024;

/** Longest line of an import file: one full value, a key with every byte escaped (`\u0041`), names and white space. */
export const importLineBytesMax = valueBytesMax + 64 * 1024;

/** Most bytes of one import batch: two full values, and of usual JSON a good part of the parts that a body may have. */
export const importBatchBytesMax = 2 * 1024 * 1024;

/** Most import batches in flight: enough to keep every storage node busy, and at most 8 MiB held in memory. */
export const importInFlightMax = 4;

/** Most attempts of `import` and `export` at one request; with the pauses about ten seconds, a storage node's restart. */
export const clientAttemptsMax = 10;

/** First pause of `import` and `export` before they try again; doubles with each attempt, drawn at random up to itself. */
export const clientPauseMs = 100;

/** Longest of those pauses. */
export const clientPauseMsMax = 5_000;

/** How long the command line waits for one answer: the gateway's own deadline, and time to carry the bodies. */
export const clientTimeoutMs = requestTimeoutMs + 25_000;

/** Longest wait for one answer that the command line may be told: an hour, far beyond what a gateway takes. */
export const clientTimeoutMsMax = 3_600_000;

/** Most that `put` reads from standard input: one full value, and white space around it. */
export const valueInputBytesMax = valueBytesMax + 64 * 1024;

/** Longest answer that the command line takes; keys and entries that make a longer one are asked for in smaller parts. */
export const clientAnswerBytesMax = 64 * 1024 * 1024;

/** Bytes of one page that `export` aims at, so that memory stays flat whatever the size of the values. */
export const exportPageBytes = 4 * 1024 * 1024;

/** Entries of the first page of an export, before the size of the values is known: full-size ones fit one answer. */
export const exportFirstPageEntries = 16;

/** Registry changes that wait for the one being written; every storage node may register at the same moment. */
export const registryQueueMax = 2 * storageNodesMax;

/** Longest registry file or log that is read: several times what 0.1.0 wrote with its history, and what a full log has. */
export const registryFileBytesMax = 64 * 1024 * 1024;

/** Longest silence that a gateway may be told to bear before it calls a storage node SUSPECT or DOWN: an hour. */
export const silenceMsMax = 3_600_000;

/** Latest moment that a time may name, milliseconds since 1970: the last that ECMAScript's Date can express. */
export const momentMsMax = 8.64e15;

/** Address space that LMDB reserves at first: neither memory nor disk. It grows by itself, but growing remaps the file. */
export const lmdbMapBytes = 1024 * 1024 * 1024;

/** Free disk space below which the disk is full: a new LMDB environment's first pages and lock file need about as much. */
export const lmdbFreeBytesMin = 64 * 1024;

/** How often a console is told what is new; a person sees a change within a second. */
export const consoleTickMs = 1_000;

/** Most consoles that watch at once; a wall of screens, and few enough that telling all of them costs little. */
export const consoleWatchersMax = 50;

/** A console this many bytes behind is let go, to come back for the current state: some ten full snapshots. */
export const consoleBacklogBytesMax = 1024 * 1024;

/** Pause between two rounds of asking the storage nodes for their figures, while a console watches. */
export const consoleFiguresPauseMs = 2_000;

/** Most storage nodes asked for their figures at once: a round over 300 of them takes a moment, and no node notices. */
export const consoleCallsMax = 16;

/** Seconds of traffic that a console shows: five minutes. */
export const trafficSecondsMax = 300;

/** The latency of a storage node's batches is that of the last minute, dropped in parts this long. */
export const nodeLatencyPartMs = 10_000;

/** How many such parts make the minute. */
export const nodeLatencyParts = 6;

/** How long a client may take to finish a TLS handshake: a few round trips, also over a slow line. */
export const tlsHandshakeTimeoutMs = 5_000;

/** How often the files of certificates and keys are looked at for newer ones. */
export const tlsFilesPollMs = 5_000;

/** How often the registry's file is looked at for one that a person has put there: one call of the system each time. */
export const registryFilePollMs = 1_000;

/** Longest file of certificates or keys: several times the CAs that an operating system trusts. */
export const tlsFileBytesMax = 1024 * 1024;
