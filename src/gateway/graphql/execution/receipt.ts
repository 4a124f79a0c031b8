/**
 * The receipt of one request that asked for it (`x-shardgate-trace: 1`): for each field that used storage, the batches
 * that carried its operations. It records routing events while the request runs and sums them up at the end, so that
 * requests without a receipt cost nothing. A read that several fields share (the loader drops duplicates) is reported
 * for each of them.
 */
import { responsePathAsArray, type GraphQLResolveInfo } from "graphql";
import { answerBytes } from "../../../core/answer-bytes.js";
import type { Clock } from "../../../core/clock.js";
import { utf8Bytes, type Key } from "../../../core/key.js";
import type { Operation, Outcome } from "../../../core/operation.js";
import type { NodeFaultReason } from "../../../routing/node-client/node-client.js";
import type { BatchRecord, RouteRecorder } from "../../../routing/recorder.js";

/**
 * Approximate maximum length of a receipt (`x-shardgate-trace: 1`) in characters: what a person can read, or a tool can
 * store with the answer. About 300 fields of one batch each fit; the shards of the largest cluster in one batch may be
 * added to that.
 */
export const receiptCharactersMax = 64 * 1024;

/** `extensions.shardgate` of the answer. Times are in milliseconds. */
export interface ReceiptReport {
  /** Also in the answer's `x-request-id`, and in the log. */
  readonly requestId: string;
  /** From the request's head to the end of its execution. */
  readonly durationMs: number;
  /** In the order in which they began. */
  readonly fields: readonly FieldReport[];
  /** Number of fields for which the receipt had no room. */
  readonly omittedFields: number;
}

export interface FieldReport {
  /** As in `errors[].path`. */
  readonly path: readonly (string | number)[];
  /** Reads and writes of single keys, and pages of single shards; each key counts once. */
  readonly operations: number;
  /** Keys that this request was already reading: they cost nothing more. */
  readonly deduplicated: number;
  /** Operations that were sent again, counted each time. */
  readonly retries: number;
  /** Operations that no batch carried: without a storage node, refused at once, or given up while they waited. */
  readonly unsent: number;
  /** Bytes of the values, in both directions. */
  readonly bytes: number;
  /** In the order in which they were sent. */
  readonly batches: readonly BatchReport[];
  /** Number of batches for which the receipt had no room. */
  readonly omittedBatches: number;
}

export interface BatchReport {
  /** The batch's id in the logs of gateway and storage node. */
  readonly id: string;
  readonly node: string;
  /** The shards of the field's operations, ascending. */
  readonly shards: readonly number[];
  /** Number of the field's operations in this batch. */
  readonly operations: number;
  /** Number of operations in the batch, of all requests. */
  readonly batchSize: number;
  /** The longest time that the field's operations waited for the batch to be sent. */
  readonly waitMs: number;
  /** From sending to the answer; null when the request was answered before the batch. */
  readonly serviceMs: number | null;
  /** Why there was no usable answer; null when there was one. */
  readonly fault: NodeFaultReason | null;
}

type Path = GraphQLResolveInfo["path"];

export class Receipt {
  readonly #requestId: string;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #fields = new Map<Path, FieldTrace>();
  /** Reads that the loader keeps, and so shares among the fields that ask for them. */
  readonly #loads = new Map<Key, Journey>();

  constructor(requestId: string, clock: Clock) {
    this.#requestId = requestId;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Called when the field asks the loader for the key. */
  asks({ path }: Pick<GraphQLResolveInfo, "path">, key: Key): void {
    const field = this.#field(path);
    const known = this.#loads.get(key);
    if (known !== undefined) field.deduplicated++;
    const journey = known ?? new Journey();
    this.#loads.set(key, journey);
    field.journeys.add(journey);
  }

  /** Called when the loader drops the key; the next field that asks causes a new read. */
  forgets(key: Key): void {
    this.#loads.delete(key);
  }

  /** The recorder for reads of the loader. */
  get loader(): RouteRecorder {
    return recorderTo((operation) => (operation.kind === "get" ? this.#loads.get(operation.key) : undefined));
  }

  /** The recorder for operations that the field runs itself. */
  runs({ path }: Pick<GraphQLResolveInfo, "path">, operations: readonly Operation[]): RouteRecorder {
    const field = this.#field(path);
    const journeys = new Map(operations.map((operation) => [operation, new Journey()]));
    for (const journey of journeys.values()) field.journeys.add(journey);
    return recorderTo((operation) => journeys.get(operation));
  }

  report(): ReceiptReport {
    const budget = { characters: receiptCharactersMax };
    const fields: FieldReport[] = [];
    for (const field of this.#fields.values()) {
      if (budget.characters <= 0) break;
      fields.push(fieldReport(field, budget));
    }
    return {
      requestId: this.#requestId,
      durationMs: rounded(this.#clock.monotonicMs() - this.#startMs),
      fields,
      omittedFields: this.#fields.size - fields.length,
    };
  }

  #field(path: Path): FieldTrace {
    let field = this.#fields.get(path);
    if (field === undefined) this.#fields.set(path, (field = { path, journeys: new Set(), deduplicated: 0 }));
    return field;
  }
}

interface FieldTrace {
  readonly path: Path;
  readonly journeys: Set<Journey>;
  deduplicated: number;
}

/** One operation, through as many batches as it has attempts. */
class Journey {
  readonly legs: { readonly batch: BatchRecord; readonly shard: number; readonly waitMs: number }[] = [];
  bytes = 0;
}

function recorderTo(journeyOf: (operation: Operation) => Journey | undefined): RouteRecorder {
  return {
    sent(operation, batch, waitMs) {
      const journey = journeyOf(operation);
      if (journey === undefined) return;
      journey.legs.push({ batch, shard: operation.shard, waitMs });
      if (operation.kind === "put") journey.bytes += utf8Bytes(operation.value);
    },
    answered(operation, outcome: Outcome) {
      const journey = journeyOf(operation);
      if (journey !== undefined) journey.bytes += answerBytes(outcome);
    },
  };
}

function fieldReport({ path, journeys, deduplicated }: FieldTrace, budget: { characters: number }): FieldReport {
  const all = batchReports(journeys);
  const batches: BatchReport[] = [];
  for (const batch of all) {
    if (budget.characters <= 0) break;
    batches.push(batch);
    budget.characters -= JSON.stringify(batch).length;
  }
  const legs = [...journeys].map((journey) => journey.legs.length);
  const report = {
    path: responsePathAsArray(path),
    operations: journeys.size,
    deduplicated,
    retries: legs.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    unsent: legs.filter((count) => count === 0).length,
    bytes: [...journeys].reduce((sum, { bytes }) => sum + bytes, 0),
    batches,
    omittedBatches: all.length - batches.length,
  };
  budget.characters -= JSON.stringify({ ...report, batches: [] }).length;
  return report;
}

function batchReports(journeys: Iterable<Journey>): readonly BatchReport[] {
  const parts = new Map<BatchRecord, { readonly shards: Set<number>; operations: number; waitMs: number }>();
  for (const { legs } of journeys) {
    for (const { batch, shard, waitMs } of legs) {
      const part = parts.get(batch) ?? { shards: new Set(), operations: 0, waitMs: 0 };
      parts.set(batch, part);
      part.shards.add(shard);
      part.operations++;
      part.waitMs = Math.max(part.waitMs, waitMs);
    }
  }
  return [...parts].map(([{ id, node, operations: batchSize, serviceMs, fault }, part]) => ({
    id,
    node,
    shards: [...part.shards].toSorted((a, b) => a - b),
    operations: part.operations,
    batchSize,
    waitMs: rounded(part.waitMs),
    serviceMs: serviceMs === null ? null : rounded(serviceMs),
    fault,
  }));
}

/** Rounds to microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
