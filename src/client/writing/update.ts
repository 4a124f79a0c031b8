/**
 * Updates a value by compare-and-set: reads it, computes the next one, and writes that on condition that no other write
 * happened in between. After a lost answer, it decides from versions alone whether the write happened.
 */
import type { Expiry, PutItem } from "../client-entry.js";
import type { Settings } from "../options.js";
import type { Found, GetOutcome, PutOutcome } from "../outcome.js";
import { ShardgateRequestError } from "../request/request-error.js";
import { pauseAfter } from "../request/repeat.js";

/** Default for the most writes of one `update`: with ten concurrent writers of one key, all of them succeed. */
const updateAttemptsMax = 10;

export interface UpdateOptions {
  /** The expiry of the new entry. Without it the entry never expires, even if it replaces one that would have. */
  readonly expiry?: Expiry | undefined;
  /** States that `fn` may take effect twice without harm (it sets a field, for example, but does not count). */
  readonly isIdempotent?: boolean | undefined;
  /** Most writes. Default: 10. After that the outcome is the last conflict. */
  readonly attemptsMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads and writes the key of one update. */
export interface UpdateAccess {
  get(): Promise<GetOutcome<unknown>>;
  put(item: Omit<PutItem<unknown>, "key">): Promise<PutOutcome<unknown>>;
}

/** Guarantees: see `Client.update`. */
export async function updateEntry(
  { get, put }: UpdateAccess,
  fn: (current: unknown) => unknown,
  settings: Settings,
  { attemptsMax = updateAttemptsMax, expiry, isIdempotent = false, signal }: UpdateOptions,
): Promise<PutOutcome<unknown>> {
  let lost: LostWrite | null = null;
  for (let count = 1; ; count++) {
    try {
      const read = await get();
      if (read.kind !== "found" && read.kind !== "notFound") return lost === null ? read : lost.tell();
      const base = read.kind === "found" ? read : null;
      if (base?.version === null) return withoutVersions(base);
      const version = base?.version ?? null;
      // The entry has changed, possibly by the lost write; this cannot be determined.
      if (lost !== null && lost.version !== version && !isIdempotent) return lost.tell();
      const condition = version === null ? ({ ifAbsent: true } as const) : { ifVersion: version };
      const outcome = await orLost(put({ value: await fn(base?.value), expiry, condition }), version);
      if (outcome.kind === "written") return outcome;
      if (outcome.kind === "lost") lost = outcome;
      else if (outcome.kind !== "conflict" || count >= attemptsMax) return lost === null ? outcome : lost.tell();
      if (lost !== null && count >= attemptsMax) return lost.tell();
    } catch (error) {
      if (lost !== null && error instanceof ShardgateRequestError) return lost.tell();
      throw error;
    }
    await pauseAfter(count, settings, signal);
  }
}

/** A write that may or may not have happened. */
interface LostWrite {
  readonly kind: "lost";
  /**
   * The version that the unconfirmed write would have replaced; null if the key did not exist. As long as the entry has
   * this version, the write has not happened.
   */
  readonly version: string | null;
  /**
   * Ends an update whose result cannot be determined: returns the outcome, or throws the error, that the write ended
   * with.
   */
  tell(): PutOutcome<unknown>;
}

async function orLost(
  put: Promise<PutOutcome<unknown>>,
  version: string | null,
): Promise<PutOutcome<unknown> | LostWrite> {
  try {
    const outcome = await put;
    return outcome.kind === "unknown" ? { kind: "lost", version, tell: () => outcome } : outcome;
  } catch (error) {
    if (!(error instanceof ShardgateRequestError && error.isOutcomeUnknown)) throw error;
    const tell = () => {
      throw error;
    };
    return { kind: "lost", version, tell };
  }
}

function withoutVersions({ key }: Found<unknown>): PutOutcome<unknown> {
  const message = `Key ${JSON.stringify(key)} cannot be updated safely: its storage node does not keep versions.`;
  return { kind: "notSupported", key, code: "NOT_SUPPORTED", message, isRetryable: false };
}
