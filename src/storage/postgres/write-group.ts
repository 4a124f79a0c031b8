/**
 * What a group of writes depends on, read in one round trip while its shards' rows are locked, and the values of entries
 * that a conflict answers. A write needs everything of the entry that it replaces but the value, so values are read for
 * conflicts only.
 */
import type { JsonEntry } from "../../core/entry.js";
import type { Key } from "../../core/key.js";
import { nodeBatchAnswerBytesMax } from "../../core/limits.js";
import type { RefusedOutcome, WriteOutcome } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import type { Query, Row } from "../../postgres/statement.js";
import type { FencedWrite } from "../engine.js";
import { damageRefusal } from "../read-operations.js";
import { emptyHeader, type ShardHeader } from "../shard-header.js";
import type { StoredEntry } from "../stored-entry.js";
import type { StoredState } from "../write-plan.js";
import { bytesArray, int4Array } from "./rows/binary-arrays.js";
import { entryIn, storedHeadIn } from "./rows/entry-rows.js";
import { lockHeaders } from "./rows/shard-rows.js";

/** Most bytes of values in the conflicts of one group, which may come from several requests. */
const conflictBytesMax = 4 * nodeBatchAnswerBytesMax;

type Outcome = WriteOutcome | RefusedOutcome;

interface StoredKey {
  readonly entry: StoredEntry | null;
  readonly tombstone: number | null;
}

interface Place {
  readonly shard: ShardNumber;
  readonly key: Key;
}

export class WriteGroup implements StoredState {
  /** The headers of the group's shards as the storage node sees them. */
  readonly headers: ReadonlyMap<ShardNumber, ShardHeader>;
  /** The entries that were read without their values. */
  readonly #heads: ReadonlyMap<JsonEntry, Place>;
  readonly #keys: ReadonlyMap<string, StoredKey>;

  /** Locks the shards of `operations` and reads the stored state of their keys. */
  static async lock(query: Query, node: string, operations: readonly FencedWrite[]): Promise<WriteGroup> {
    const places = new Map<string, Place>();
    for (const { operation } of operations) places.set(placeId(operation), operation);
    const shards = new Set(operations.map(({ operation }) => operation.shard));
    const all = [...places.values()];
    // Read by a statement of its own: one that waited for the lock would still see the entries as before the wait.
    const [locked, rows] = await Promise.all([lockHeaders(query, node, shards), readHeads(query, all)]);
    return new WriteGroup(locked, all, rows);
  }

  private constructor(headers: ReadonlyMap<ShardNumber, ShardHeader>, places: readonly Place[], rows: readonly Row[]) {
    this.headers = headers;
    const heads = new Map<JsonEntry, Place>();
    const keys = new Map<string, StoredKey>();
    for (const row of rows) {
      const place = places[Number(row["place"]) - 1];
      if (place === undefined) continue;
      const entry = row["version"] === null ? null : storedHeadIn(place.key, row);
      const tombstone = row["buried"] === null ? null : Number(row["buried"]);
      keys.set(placeId(place), { entry, tombstone });
      if (entry !== null) heads.set(entry.entry, place);
    }
    this.#heads = heads;
    this.#keys = keys;
  }

  header(shard: ShardNumber): ShardHeader {
    return this.headers.get(shard) ?? emptyHeader;
  }

  /** The entry has an empty value. */
  find(shard: ShardNumber, key: Key): StoredEntry | null {
    return this.#keys.get(placeId({ shard, key }))?.entry ?? null;
  }

  findTombstone(shard: ShardNumber, key: Key): number | null {
    return this.#keys.get(placeId({ shard, key }))?.tombstone ?? null;
  }

  /**
   * `outcomes` with the values of entries that conflicts answer. To be issued before the plan is applied, which may
   * change those entries. An entry that is damaged, or beyond `conflictBytesMax`, is refused instead.
   */
  async withValues(query: Query, outcomes: readonly Outcome[]): Promise<readonly Outcome[]> {
    const wanted = new Map<JsonEntry, Place>();
    for (const outcome of outcomes) {
      const current = outcome.kind === "conflict" ? outcome.current : null;
      const place = current === null ? undefined : this.#heads.get(current);
      if (current !== null && place !== undefined) wanted.set(current, place);
    }
    if (wanted.size === 0) return outcomes;
    const places = [...wanted.values()];
    const rows = await readValues(query, places);
    const answers = new Map(
      [...wanted.keys()].map((head, index) => [head, conflictWith(places[index], rows[index])] as const),
    );
    return outcomes.map((outcome) =>
      outcome.kind === "conflict" && outcome.current !== null ? (answers.get(outcome.current) ?? outcome) : outcome,
    );
  }
}

function placeId({ shard, key }: Place): string {
  return `${shard}/${key}`;
}

function readHeads(query: Query, places: readonly Place[]): Promise<readonly Row[]> {
  return query(
    `SELECT p.place, e.version, e.created_ms, e.updated_ms, e.expires_ms, e.checksum, e.size_bytes, t.version AS buried
    FROM unnest($1::int[], $2::bytea[]) WITH ORDINALITY AS p (shard, key, place)
    LEFT JOIN entries AS e ON e.shard = p.shard AND e.key = p.key
    LEFT JOIN tombstones AS t ON t.shard = p.shard AND t.key = p.key
    WHERE e.shard IS NOT NULL OR t.shard IS NOT NULL`,
    placeArrays(places),
  );
}

/** One row per place, in order; without a value once those before it have `conflictBytesMax`. */
function readValues(query: Query, places: readonly Place[]): Promise<readonly Row[]> {
  return query(
    `SELECT version, created_ms, updated_ms, expires_ms, checksum,
      CASE WHEN coalesce(bytes_before, 0) < $3 THEN value END AS value
    FROM (
      SELECT p.place, e.*, sum(octet_length(e.value)) OVER (ORDER BY p.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        AS bytes_before
      FROM unnest($1::int[], $2::bytea[]) WITH ORDINALITY AS p (shard, key, place)
      JOIN entries AS e ON e.shard = p.shard AND e.key = p.key) AS found
    ORDER BY place`,
    [...placeArrays(places), conflictBytesMax],
  );
}

function placeArrays(places: readonly Place[]): readonly Buffer[] {
  const shards = int4Array(places.map(({ shard }) => shard));
  return [
    shards,
    bytesArray(
      "bytea",
      places.map(({ key }) => key),
    ),
  ];
}

function conflictWith(place: Place | undefined, row: Row | undefined): Outcome {
  if (place === undefined || row === undefined || row["value"] === null) return answerFull;
  try {
    return { kind: "conflict", current: entryIn(place.shard, place.key, row) };
  } catch (error) {
    return damageRefusal(error);
  }
}

const answerFull: RefusedOutcome = {
  kind: "refused",
  code: "BATCH_ANSWER_FULL",
  message: "The response reached its size limit before this operation ran.",
};
