/**
 * The receipt of one request that asked for it (`x-shardgate-trace: 1`): for each field that touched storage, the batches
 * that carried its operations. It listens to routing while the request runs and adds up at the end, so that requests
 * without a receipt pay nothing. What keys have in common (a loader drops doubles) is told of each field that asked.
 */
import { responsePathAsArray, type GraphQLResolveInfo } from "graphql";
import { answerBytes } from "../../../core/answer-bytes.js";
import type { Clock } from "../../../core/clock.js";
import { utf8Bytes, type Key } from "../../../core/key.js";
import type { Operation, Outcome } from "../../../core/operation.js";
import type { NodeFaultReason } from "../../../routing/node-client/node-client.js";
import type { BatchRecord, RouteRecorder } from "../../../routing/recorder.js";

/**
 * About how long a receipt (`x-shardgate-trace: 1`) may become, in characters: what a person reads, or a tool keeps beside
 * the answer. Some 300 fields of one batch each fit; the largest cluster's shards in one batch come on top.
 */
export const receiptCharactersMax = 64 * 1024;

/** `extensions.shardgate` of the answer. Times are milliseconds. */
export interface ReceiptReport {
  /** Also in the answer's `x-request-id`, and in the log. */
  readonly requestId: string;
  /** From the request's head to the end of its execution. */
  readonly durationMs: number;
  /** In the order in which they began. */
  readonly fields: readonly FieldReport[];
  /** Fields that found no room in the receipt. */
  readonly omittedFields: number;
}

export interface FieldReport {
  /** As in `errors[].path`. */
  readonly path: readonly (string | number)[];
  /** Reads and writes of single keys, and pages of single shards; each key counts once. */
  readonly operations: number;
  /** Keys that this request was reading already: they cost nothing more. */
  readonly deduplicated: number;
  /** Operations sent again, counted each time. */
  readonly retries: number;
  /** Operations that no batch carried: without a storage node, refused at once, or given up while they waited. */
  readonly unsent: number;
  /** Of the values, there and back. */
  readonly bytes: number;
  /** In the order in which they left. */
  readonly batches: readonly BatchReport[];
  /** Batches that found no room in the receipt. */
  readonly omittedBatches: number;
}

export interface BatchReport {
  /** In the logs of gateway and storage node. */
  readonly id: string;
  readonly node: string;
  /** Of the field's operations, ascending. */
  readonly shards: readonly number[];
  /** The field's own in this batch. */
  readonly operations: number;
  /** Operations of all requests in it. */
  readonly batchSize: number;
  /** How long the field's operations gathered with others; the longest. */
  readonly waitMs: number;
  /** From leaving to returning; null when the answer was given before it returned. */
  readonly serviceMs: number | null;
  /** Why it got no usable answer; null when it did. */
  readonly fault: NodeFaultReason | null;
}

type Path = GraphQLResolveInfo["path"];

export class Receipt {
  readonly #requestId: string;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #fields = new Map<Path, FieldTrace>();
  /** What the loader remembers, and so shares among the fields that ask for it. */
  readonly #loads = new Map<Key, Journey>();

  constructor(requestId: string, clock: Clock) {
    this.#requestId = requestId;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** The field asks the loader for the key. */
  asks({ path }: Pick<GraphQLResolveInfo, "path">, key: Key): void {
    const field = this.#field(path);
    const known = this.#loads.get(key);
    if (known !== undefined) field.deduplicated++;
    const journey = known ?? new Journey();
    this.#loads.set(key, journey);
    field.journeys.add(journey);
  }

  /** The loader forgets the key; who asks next has it read anew. */
  forgets(key: Key): void {
    this.#loads.delete(key);
  }

  /** For what the loader reads. */
  get loader(): RouteRecorder {
    return recorderTo((operation) => (operation.kind === "get" ? this.#loads.get(operation.key) : undefined));
  }

  /** For operations that the field runs itself. */
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

/** One operation on its way, through as many batches as it had attempts. */
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

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
