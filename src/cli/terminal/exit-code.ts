/** The exit codes of this program, for scripts, and the exit code for each code of a refusal. */
import type { ErrorCode } from "../../core/error.js";

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unavailable: 5,
  refused: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes of a gateway whose exit code differs from "failed". */
const byErrorCode: Partial<Record<ErrorCode, ExitCode>> = {
  INVALID_KEY: exitCodes.usage,
  INVALID_VALUE: exitCodes.usage,
  BAD_REQUEST: exitCodes.usage,
  BAD_USER_INPUT: exitCodes.usage,
  EXPIRY_PASSED: exitCodes.usage,
  TOO_MANY_KEYS: exitCodes.usage,
  BODY_TOO_LARGE: exitCodes.usage,
  HEADERS_TOO_LARGE: exitCodes.usage,
  KEY_NOT_FOUND: exitCodes.notFound,
  SHARD_NOT_FOUND: exitCodes.notFound,
  NODE_NOT_FOUND: exitCodes.notFound,
  VERSION_CONFLICT: exitCodes.conflict,
  NODE_CONFLICT: exitCodes.conflict,
  STORE_NOT_RECOGNIZED: exitCodes.conflict,
  ASSIGNMENT_WOULD_HIDE_DATA: exitCodes.conflict,
  EPOCH_CONFLICT: exitCodes.conflict,
  REGISTRY_CONFLICT: exitCodes.conflict,
  UNAUTHENTICATED: exitCodes.refused,
  FORBIDDEN: exitCodes.refused,
  SHARD_UNAVAILABLE: exitCodes.unavailable,
  STALE_EPOCH: exitCodes.unavailable,
  SHARD_NOT_HOSTED: exitCodes.unavailable,
  BATCH_ANSWER_FULL: exitCodes.unavailable,
  DRAINING: exitCodes.unavailable,
  OVERLOADED: exitCodes.unavailable,
  TOO_MANY_REQUESTS: exitCodes.unavailable,
  REQUEST_TIMEOUT: exitCodes.unavailable,
  STORAGE_FULL: exitCodes.unavailable,
  REGISTRY_UNAVAILABLE: exitCodes.unavailable,
  REGISTRY_PUT_BACK: exitCodes.unavailable,
};

/**
 * The exit code for a gateway's refusal. A write of unknown outcome is a plain failure: it must not be repeated
 * blindly.
 */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return byErrorCode[code] ?? exitCodes.failed;
}

/** The exit code of a command with several outcomes: the worst one. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  return worstFirst.find((code) => codes.includes(code)) ?? exitCodes.done;
}

const worstFirst: readonly ExitCode[] = [
  exitCodes.failed,
  exitCodes.usage,
  exitCodes.refused,
  exitCodes.unavailable,
  exitCodes.conflict,
  exitCodes.notFound,
];
