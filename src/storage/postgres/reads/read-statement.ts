/**
 * One statement for all reads of a batch, so that fences and entries are of one snapshot: the shards' fences, the entries
 * of gets, and the entries of scans. It returns values up to a number of bytes, and rows without values after that, so
 * that neither side needs memory for more than one answer.
 */
import type { GetOperation, ScanOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import { bytesArray, float8Array, int4Array } from "../rows/binary-arrays.js";
import { selectLines } from "./row-line.js";

export interface ReadRequest {
  /** Name of the storage node that reads. */
  readonly node: string;
  readonly shards: readonly ShardNumber[];
  readonly gets: readonly GetOperation[];
  /** Each with the key after which it goes on, and the most rows that it returns. */
  readonly scans: readonly ScanPart[];
  readonly nowMs: number;
  /** Most bytes of values for all gets, and for all scans; the first two are always returned. */
  readonly bytesMax: number;
}

export interface ScanPart {
  readonly operation: ScanOperation;
  readonly lastKey: string | null;
  readonly limit: number;
}

/** What a row is of. */
export const readParts = { fence: 0, get: 1, forward: 2, reverse: 3 } as const;

export interface ReadStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Each row is a line (row-line.ts) with a key. It has `part` and `place` (from 1, in the list of the part; of a fence the
 * shard's number). The rows of a scan are in its direction. The values are compared with `bytesMax` part by part.
 */
export function readStatement(request: ReadRequest): ReadStatement {
  const { shards, gets, scans, node, nowMs, bytesMax } = request;
  const values: unknown[] = [];
  const parameter: Parameter = (value, type) => `$${values.push(value)}::${type}`;
  const parts: string[] = [];
  if (shards.length > 0) parts.push(fencesPart(shards, node, parameter));
  const now = parameter(nowMs, "bigint");
  const most = parameter(Math.max(1, Math.min(bytesMax, Number.MAX_SAFE_INTEGER)), "bigint");
  if (gets.length > 0) parts.push(getsPart(gets, now, most, parameter));
  for (const isReverse of [false, true]) {
    const own = scans.filter(({ operation }) => operation.isReverse === isReverse);
    if (own.length > 0) parts.push(scansPart(own, now, most, parameter));
  }
  return { text: selectLines(parts.join("\nUNION ALL\n")), values };
}

type Parameter = (value: unknown, type: string) => string;

function fencesPart(shards: readonly ShardNumber[], node: string, parameter: Parameter): string {
  return `SELECT ${readParts.fence} AS part, shard AS place, NULL::bytea AS key, sealed_for AS value, epoch AS version,
    CASE WHEN owner = ${parameter(node, "text")} THEN released_epoch ELSE greatest(released_epoch, epoch) END AS created_ms,
    lineage AS updated_ms, expiry_mark_ms AS expires_ms, 0 AS checksum
    FROM shards WHERE shard = ANY (${parameter(int4Array(shards), "int[]")})`;
}

const facts = "version, created_ms, updated_ms, expires_ms, checksum";

/** Values of expired entries are not needed, and not counted. */
function isLive(now: string): string {
  return `(expires_ms IS NULL OR expires_ms > ${now})`;
}

function getsPart(gets: readonly GetOperation[], now: string, most: string, parameter: Parameter): string {
  const shards = parameter(int4Array(gets.map(({ shard }) => shard)), "int[]");
  const keys = parameter(
    bytesArray(
      "bytea",
      gets.map(({ key }) => key),
    ),
    "bytea[]",
  );
  return `SELECT ${readParts.get} AS part, place::int, NULL::bytea AS key,
    CASE WHEN ${isLive(now)} AND bytes_before < ${most} THEN value END AS value, ${facts}
    FROM (
      SELECT g.place, e.*, coalesce(sum(octet_length(e.value)) FILTER (WHERE ${isLive(now)})
        OVER (ORDER BY g.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
      FROM unnest(${shards}, ${keys}) WITH ORDINALITY AS g (shard, key, place)
      JOIN entries AS e ON e.shard = g.shard AND e.key = g.key) AS found`;
}

/**
 * A page is full once its values have enough bytes, and then the existence of one more entry is answered: therefore one
 * row more than fits has its value.
 */
function scansPart(scans: readonly ScanPart[], now: string, most: string, parameter: Parameter): string {
  const isReverse = scans[0]?.operation.isReverse === true;
  const direction = isReverse ? "DESC" : "ASC";
  const ranges = scans.map(rangeOf);
  const shards = parameter(int4Array(scans.map(({ operation }) => operation.shard)), "int[]");
  const [from, to] = (["from", "to"] as const).map((end) =>
    parameter(
      bytesArray(
        "bytea",
        ranges.map((range) => range[end]),
      ),
      "bytea[]",
    ),
  );
  const limits = parameter(float8Array(scans.map(({ limit }) => limit)), "float8[]");
  return `SELECT ${isReverse ? readParts.reverse : readParts.forward} AS part, place::int, key,
    CASE WHEN ${isLive(now)} AND bytes_before < ${most} THEN value END AS value, ${facts}
    FROM (
      SELECT s.place, e.*, coalesce(sum(octet_length(e.value)) FILTER (WHERE ${isLive(now)})
        OVER (ORDER BY s.place, e.nth ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0) AS bytes_before
      FROM unnest(${shards}, ${from}, ${to}, ${limits}) WITH ORDINALITY AS s (shard, first, last, most, place)
      CROSS JOIN LATERAL (
        SELECT page.*, row_number() OVER (ORDER BY key ${direction}) AS nth FROM (
          SELECT key, value, ${facts} FROM entries AS i
          WHERE i.shard = s.shard AND i.key >= s.first AND i.key < s.last
          ORDER BY i.key ${direction} LIMIT s.most::bigint) AS page) AS e
      ORDER BY s.place, e.nth) AS found`;
}

/** The scan's keys are from `from` (included) up to `to` (excluded), as bytes. */
function rangeOf({ operation, lastKey }: ScanPart): { readonly from: Buffer; readonly to: Buffer } {
  const { prefix, isReverse } = operation;
  const after = isReverse ? operation.after : (lastKey ?? operation.after);
  const before = isReverse ? (lastKey ?? operation.before) : operation.before;
  const start = Buffer.from(prefix, "utf8");
  const from = after === null ? start : later(start, Buffer.concat([Buffer.from(after, "utf8"), Buffer.of(0)]));
  const end = endOfPrefix(start);
  const to = before === null ? end : earlier(end, Buffer.from(before, "utf8"));
  return { from, to };
}

/** The first bytes that are after all keys that begin with `prefix`: no byte of UTF-8 is 255. */
function endOfPrefix(prefix: Buffer): Buffer {
  return prefix.length === 0 ? Buffer.of(255) : Buffer.concat([prefix, Buffer.of(255)]);
}

function later(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

function earlier(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) <= 0 ? a : b;
}
