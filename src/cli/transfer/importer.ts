/**
 * Writes items through `putMany`: batches bounded in items and bytes, a few of them in flight, each retried as long as
 * that may help. Two writes of one key are never in flight together, so the later line wins. If some lines are not
 * certainly written, the lowest of them is reported, so that an import can continue from there. Entries that have
 * expired meanwhile are counted.
 */
import { again, repeat } from "../../client/request/repeat.js";
import { isErrorCode } from "../../core/error.js";
import { utf8Bytes } from "../../core/key.js";
import { batchKeysMax, importInFlightMax } from "../../core/limits.js";
import { exitCodeOf, exitCodes, type ExitCode } from "../terminal/exit-code.js";
import { withAdvice } from "../calls/gateway-call.js";
import { isWorthRetrying, type GatewayAnswer } from "../calls/gateway-client.js";
import type { ImportItem } from "./import-line.js";
import { retriesOf, type RetryParts } from "./retries.js";

/** Most bytes of one import batch: two full values; with usual JSON, a good part of the parts that a body may have. */
const importBatchBytesMax = 2 * 1024 * 1024;

export interface ImporterParts extends RetryParts {
  readonly client: { post(body: string): Promise<GatewayAnswer> };
  /** When aborted, batches in flight are finished and nothing is retried. */
  readonly signal: AbortSignal;
  /** Called with the reason when items are sent again. */
  onRetry(reason: string): void;
}

/** A line that was not written, and why. */
export interface ImportFailure {
  readonly line: number;
  readonly reason: string;
  /** Unavailable when the same import may succeed later, refused when a token or permission is missing, else failed. */
  readonly exitCode: ExitCode;
}

export class Importer {
  readonly #parts: ImporterParts;
  #batch: ImportItem[] = [];
  #batchBytes = 0;
  /** Keys of the batch that is being collected and of those in flight. */
  readonly #keys = new Set<string>();
  readonly #inFlight = new Set<Promise<void>>();
  #written = 0;
  #expired = 0;
  #failure: ImportFailure | null = null;

  constructor(parts: ImporterParts) {
    this.#parts = parts;
  }

  /** Number of items that are certainly written. */
  get written(): number {
    return this.#written;
  }

  /** Number of items that were not written because their expiry has passed, by the storage nodes' clocks. */
  get expired(): number {
    return this.#expired;
  }

  /** The lowest line that failed; null if there is none. Final after `finish`. */
  get failure(): ImportFailure | null {
    return this.#failure;
  }

  /** Adds one item, in the order of lines; resolves when there is room for another. */
  async add(item: ImportItem): Promise<void> {
    if (this.#keys.has(item.key)) await this.finish();
    const bytes = utf8Bytes(item.text);
    if (this.#batch.length === batchKeysMax || this.#batchBytes + bytes > importBatchBytesMax) await this.#send();
    this.#batch.push(item);
    this.#batchBytes += bytes;
    this.#keys.add(item.key);
  }

  /** Resolves when every item added so far has its outcome. */
  async finish(): Promise<void> {
    await this.#send();
    await Promise.all(this.#inFlight);
  }

  /** Records that `line` is not written; the lowest line counts. */
  fail(line: number, reason: string, exitCode: ExitCode = exitCodes.failed): void {
    if (this.#failure === null || line < this.#failure.line) this.#failure = { line, reason, exitCode };
  }

  async #send(): Promise<void> {
    if (this.#batch.length === 0) return;
    while (this.#inFlight.size >= importInFlightMax) await Promise.race(this.#inFlight);
    const items = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    const delivery = this.#deliver(items).finally(() => {
      this.#inFlight.delete(delivery);
      for (const { key } of items) this.#keys.delete(key);
    });
    this.#inFlight.add(delivery);
  }

  async #deliver(items: readonly ImportItem[]): Promise<void> {
    const { client, signal, onRetry } = this.#parts;
    let pending = items;
    await repeat(async (isLast) => {
      const unwritten = refusalsOf(pending, await client.post(bodyOf(pending)));
      this.#written += pending.length - unwritten.length;
      const refusals = unwritten.filter(({ isExpired }) => !isExpired);
      this.#expired += unwritten.length - refusals.length;
      const retried = isLast || signal.aborted ? [] : refusals.filter(({ isRetryable }) => isRetryable);
      for (const refusal of refusals) {
        const exitCode = refusal.isRetryable ? exitCodes.unavailable : refusal.exitCode;
        if (!retried.includes(refusal)) this.fail(refusal.item.line, refusal.reason, exitCode);
      }
      pending = retried.map(({ item }) => item);
      if (retried[0] === undefined) return null;
      onRetry(retried[0].reason);
      return again;
    }, retriesOf(this.#parts));
  }
}

interface Refusal {
  readonly item: ImportItem;
  readonly reason: string;
  readonly isRetryable: boolean;
  /** The exit code if it is not retried. */
  readonly exitCode: ExitCode;
  /** Whether its expiry has passed, so that there is nothing to write. */
  readonly isExpired: boolean;
}

const document =
  "mutation Import($items:[PutInput!]!){putMany(items:$items){__typename ...on Problem{code message isRetryable}}}";

function bodyOf(items: readonly ImportItem[]): string {
  const texts = items.map(({ text }) => text).join(",");
  return `{"query":${JSON.stringify(document)},"variables":{"items":[${texts}]}}`;
}

/** The items that were not written, according to an answer to all `items`. */
function refusalsOf(items: readonly ImportItem[], answer: GatewayAnswer): readonly Refusal[] {
  const all = (reason: string, isRetryable: boolean, code: unknown = null) =>
    items.map((item) => ({ item, reason, isRetryable, exitCode: exitCodeAfter(code), isExpired: false }));
  if (answer.kind === "failure") {
    const { reason, advice, code, isRetryable } = answer;
    return all(isRetryable ? reason : withAdvice(reason, advice), isRetryable, code);
  }
  const results = answer.data["putMany"];
  if (!Array.isArray(results) || results.length !== items.length)
    return all("the answer has not one result per item", false);
  return items.flatMap((item, index) => {
    const result = results[index] as { __typename?: unknown; code?: unknown; message?: unknown; isRetryable?: unknown };
    if (result?.__typename === "PutSuccess") return [];
    const reason = `${String(result?.message)} (${String(result?.code)})`;
    const isRetryable = result?.isRetryable === true || isWorthRetrying(result?.code);
    const exitCode = exitCodeAfter(result?.code);
    return [{ item, reason, isRetryable, exitCode, isExpired: result?.code === "EXPIRY_PASSED" }];
  });
}

/** The other exit codes mean that nothing was done, but earlier lines may have been written. */
function exitCodeAfter(code: unknown): ExitCode {
  return isErrorCode(code) && exitCodeOf(code) === exitCodes.refused ? exitCodes.refused : exitCodes.failed;
}
