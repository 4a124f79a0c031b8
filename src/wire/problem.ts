/** Problem details (RFC 9457): the body of every REST error, at the gateway and at the storage node. */
import { adviceOf, errorRules, isErrorCode, ShardgateError, type ErrorCode } from "../core/error.js";

/** `type` is omitted, which RFC 9457 defines as "about:blank"; `code` is from the closed list of codes. */
export interface ProblemDetails {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly isRetryable: boolean;
  readonly advice: string;
  readonly [extension: string]: unknown;
}

/** The problem details for `error`; its details become extension members. `isWrite`: see `adviceOf`. */
export function problemOf(error: ShardgateError, isWrite = false): ProblemDetails {
  const { httpStatus, isRetryable } = errorRules[error.code];
  return {
    ...error.details,
    title: titleOf(error.code),
    status: httpStatus,
    detail: error.message,
    code: error.code,
    isRetryable,
    advice: adviceOf(error.code, isWrite),
  };
}

/** The error that a problem body describes; null when the body has no known code. */
export function errorOfProblem(body: unknown): ShardgateError | null {
  if (typeof body !== "object" || body === null) return null;
  const {
    code,
    detail,
    title: _title,
    status: _status,
    isRetryable: _isRetryable,
    advice: _advice,
    ...details
  } = body as Record<string, unknown>;
  if (!isErrorCode(code)) return null;
  return new ShardgateError(code, typeof detail === "string" ? detail : code, details);
}

/** For example "Key not found" for "KEY_NOT_FOUND". */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
