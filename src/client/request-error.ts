/**
 * The failure of a whole request, as opposed to the outcome of one key: no answer, a refusal by the gateway, or an
 * answer that makes no sense.
 */

export interface RequestFailure {
  readonly isRetryable: boolean;
  readonly isOutcomeUnknown: boolean;
  /** Null when there was no answer. */
  readonly status: number | null;
  readonly cause?: unknown;
}

/**
 * `code` is one of the gateway's (README, "Error codes"), or of the client's own: NETWORK_FAILURE (no answer came),
 * TIMEOUT (`timeoutMs` is over), BAD_ANSWER (the answer is not one of a gateway's GraphQL endpoint).
 */
export class ShardgateRequestError extends Error {
  override readonly name = "ShardgateRequestError";
  readonly code: string;
  /** Whether the same request may succeed later. Reads were tried again already. */
  readonly isRetryable: boolean;
  /** Whether a write may have happened all the same. Always false for reads. */
  readonly isOutcomeUnknown: boolean;
  /** HTTP status of the answer; null when there was none. */
  readonly status: number | null;

  constructor(code: string, message: string, failure: RequestFailure) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.code = code;
    this.isRetryable = failure.isRetryable;
    this.isOutcomeUnknown = failure.isOutcomeUnknown;
    this.status = failure.status;
  }
}
