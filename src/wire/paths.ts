/** Paths and headers of the REST contract between gateway and storage node, in one place for both sides. */
import { encodeKeySegment, type Key } from "../core/key.js";
import type { ShardNumber } from "../core/shard.js";

export const batchPath = "/batch";
export const shardsPath = "/shards";
export const healthPath = "/health";
export const metricsPath = "/metrics";
/** Where the gateway tells a storage node which shards it hosts, and under which epochs. */
export const assignmentsPath = "/assignments";

/** On requests of a gateway: the epoch of the shard's assignment it believes in. */
export const shardEpochHeader = "shard-epoch";
/** On requests of a gateway: the id of its cluster. A storage node of another one, or of none, refuses them. */
export const clusterHeader = "x-shardgate-cluster";
/** On requests of a gateway: the name of the storage node it means. Another one, at the address of that one, refuses them. */
export const targetNodeHeader = "x-shardgate-node";
/**
 * On batches of a gateway that proves itself with the cluster's secret: it has checked that the values in them are JSON
 * within the bounds of a value. Without that proof it counts for nothing.
 */
export const checkedValuesHeader = "x-shardgate-values";
export const checkedValues = "checked";
/** On answers with a value that expires: an RFC 3339 moment. */
export const expiresAtHeader = "x-expires-at";
/** An entry's version, as in its ETag, for clients behind a proxy that changes that. */
export const versionHeader = "x-version";
/** When an entry was first written: an RFC 3339 moment with milliseconds (Last-Modified has seconds only). */
export const createdAtHeader = "x-created-at";
/** On answers of the gateway's facade: the key's shard, and the storage node that is its primary. */
export const shardHeader = "x-shard";
export const nodeHeader = "x-node";
/** Told by clients or given by the gateway; in its answers and in every log line. */
export const requestIdHeader = "x-request-id";
/** Continues a trace (W3C Trace Context), from clients to the gateway and from there to storage nodes. */
export const traceparentHeader = "traceparent";
/** `1` on a client's request: the answer tells how it was served. */
export const traceHeader = "x-shardgate-trace";

/** Media type of both bodies of `POST /batch`. */
export const batchMediaType = "application/vnd.shardgate.batch";
export const problemMediaType = "application/problem+json";

/** What `GET /health` of a storage node says in `protocol` when it has every route of the contract. */
export const nodeProtocol = "shardgate/1";
/** What `GET /health` of a gateway says there, so that none is taken for a storage node of another language. */
export const gatewayProtocol = "shardgate-gateway/1";

/** Path of one entry at its storage node. */
export function entryPath(shard: ShardNumber, key: Key): string {
  return `/shard/${shard}/store/${encodeKeySegment(key)}`;
}

/** Path of one entry at the gateway's facade. */
export function dataPath(key: Key): string {
  return `/data/${encodeKeySegment(key)}`;
}

/** The URL of a server that listens on `host`. Wildcard addresses are not called: this host's own stands for them. */
export function listeningUrl(host: string, port: number, scheme: "http" | "https" = "http"): string {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
