/**
 * The failure of a whole request, as opposed to the outcome of one key: no answer, a refusal by the gateway, or an
 * invalid answer.
 */
import type { DeleteOutcome, PutOutcome } from "../outcome.js";

/** One outcome per item of a call; null where the item's request failed or was not sent. */
export type PartialOutcomes = readonly (PutOutcome<unknown> | DeleteOutcome<unknown> | null)[];

export interface RequestFailure {
  readonly isRetryable: boolean;
  readonly isOutcomeUnknown: boolean;
  /** Null when there was no answer. */
  readonly status: number | null;
  readonly cause?: unknown;
  readonly outcomes?: PartialOutcomes | null;
  readonly unsentFrom?: number | null;
}

/**
 * `code` is one of the gateway's (docs/reference/errors.md), or of the client's own: NETWORK_FAILURE (no answer
 * arrived), TIMEOUT (`timeoutMs` is over), BAD_ANSWER (the answer is not that of a gateway's GraphQL endpoint),
 * NOT_SENT (the client's `headers` failed for a later request of the call; `cause` is the error that it threw).
 */
export class ShardgateRequestError extends Error {
  override readonly name = "ShardgateRequestError";
  readonly code: string;
  /** Whether the same request may succeed later. Reads have been retried already. */
  readonly isRetryable: boolean;
  /** Whether a write of the failed request may have happened nevertheless. Always false for reads. */
  readonly isOutcomeUnknown: boolean;
  /** HTTP status of the answer; null when there was none. */
  readonly status: number | null;
  /**
   * For a `putMany` or `deleteMany` that took several requests: one outcome per item, in order; null where none is
   * known. Items from `unsentFrom` on were not sent; other items without an outcome belong to the request that failed.
   */
  readonly outcomes: PartialOutcomes | null;
  /** Index of the first item that was not sent, or the number of items. Null when `outcomes` is. */
  readonly unsentFrom: number | null;

  constructor(code: string, message: string, failure: RequestFailure) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.code = code;
    this.isRetryable = failure.isRetryable;
    this.isOutcomeUnknown = failure.isOutcomeUnknown;
    this.status = failure.status;
    this.outcomes = failure.outcomes ?? null;
    this.unsentFrom = failure.unsentFrom ?? null;
  }
}
