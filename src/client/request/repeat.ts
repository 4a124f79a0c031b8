/**
 * Retries, with full jitter and within bounds. One rule applies to reads and writes: a request is retried only if it
 * certainly was not executed and may succeed later. A read has no effects, so only its `isRetryable` counts.
 */
import { pause } from "./deadline.js";
import type { Settings } from "../options.js";
import { ShardgateRequestError } from "./request-error.js";
import type { RawResult } from "./raw-result.js";

/** Returned by an attempt that should be followed by another one. */
export const again = Symbol("again");

/** The number of attempts, and the pauses between them. */
export type Retries = Pick<Settings, "attemptsMax" | "pauseMs" | "pauseMsMax" | "random" | "after">;

/** Calls `attempt` until it has a result, at most `attemptsMax` times; `isLast` is true for the last attempt. */
export async function repeat<T>(
  attempt: (isLast: boolean) => Promise<T | typeof again>,
  retries: Retries,
  signal?: AbortSignal,
): Promise<T> {
  for (let count = 1; ; count++) {
    const isLast = count >= retries.attemptsMax;
    try {
      const result = await attempt(isLast);
      if (result !== again) return result;
    } catch (error) {
      if (isLast || signal?.aborted || !isWorthRepeating(error)) throw error;
    }
    await pauseAfter(count, retries, signal);
  }
}

/** Waits before attempt number `count + 1`. */
export function pauseAfter(count: number, retries: Retries, signal?: AbortSignal): Promise<void> {
  const { pauseMs, pauseMsMax, random } = retries;
  return pause(random() * Math.min(pauseMsMax, pauseMs * 2 ** (count - 1)), retries, signal);
}

/** Most keys in one request: the gateway accepts as many in one `entries` field. */
export const requestKeysMax = 1000;

export interface ItemsRequest<Item> {
  /** Resolves to exactly one result per item, in order. */
  send(items: readonly Item[]): Promise<readonly RawResult[]>;
  /** Called once per item, as soon as its result is final. */
  settle(item: Item, result: RawResult): void;
  /** Whether an item may be retried without the others. */
  isRepeatable(item: Item): boolean;
}

/**
 * Sends items, and retries those whose shard was unavailable. Throws when a request failed and no result of its items
 * is known. An item with a result from an earlier attempt keeps it, unless the failed request may have written the
 * item.
 */
export async function sendItems<Item>(
  items: readonly Item[],
  { send, settle, isRepeatable }: ItemsRequest<Item>,
  settings: Settings,
  signal: AbortSignal,
): Promise<void> {
  let open: OpenItem<Item>[] = items.map((item) => ({ item, earlier: null }));
  const attempt = async (isLast: boolean) => {
    const results = await send(open.map(({ item }) => item));
    const asked = open;
    open = [];
    for (const [index, earlier] of results.entries()) {
      const { item } = asked[index] as OpenItem<Item>;
      if (!isLast && canRepeat(earlier) && isRepeatable(item)) open.push({ item, earlier });
      else settle(item, earlier);
    }
    return open.length === 0 ? null : again;
  };
  try {
    await repeat(attempt, settings, signal);
  } catch (error) {
    if (!(error instanceof ShardgateRequestError)) throw error;
    for (const { item, earlier } of open) {
      if (earlier === null) throw error;
      settle(item, error.isOutcomeUnknown ? unknownResult(earlier, error) : earlier);
    }
  }
}

/** An item without a final result, and its result from an earlier attempt. */
interface OpenItem<Item> {
  readonly item: Item;
  readonly earlier: RawResult | null;
}

function isWorthRepeating(error: unknown): boolean {
  return error instanceof ShardgateRequestError && error.isRetryable && !error.isOutcomeUnknown;
}

/** A full disk or a broken engine will not recover in a moment. */
function canRepeat({ isRetryable, code }: RawResult): boolean {
  return isRetryable === true && (code === "SHARD_UNAVAILABLE" || code === "OVERLOADED");
}

function unknownResult(earlier: RawResult, { message }: Error): RawResult {
  return { ...earlier, __typename: "OutcomeUnknown", code: "OUTCOME_UNKNOWN", message, isRetryable: false };
}
