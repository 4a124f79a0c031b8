/** Classifies failures of LMDB: the disk is full, or anything else. */
import { ShardgateError } from "../../../core/error.js";
import { hasRoom } from "./folder.js";

/**
 * The error that callers get for `cause`: STORAGE_FULL or STORAGE_FAILED. When a commit fails, lmdb rejects with one
 * error and gives the reason in a second promise. That promise must always be caught: an unhandled rejection would end
 * the process.
 */
export async function storageError(cause: unknown, folder: string): Promise<ShardgateError> {
  if (cause instanceof ShardgateError) return cause;
  const reason = await commitReason(cause);
  if (await isFull(reason, folder)) {
    return new ShardgateError("STORAGE_FULL", `There is no disk space left for the data in ${folder}.`, {}, reason);
  }
  const message = reason instanceof Error ? reason.message : String(reason);
  return new ShardgateError("STORAGE_FAILED", `The storage engine failed in ${folder}: ${message}.`, {}, reason);
}

/**
 * Whether `error` is MDB_PANIC: after a failure in the last step of a commit, LMDB refuses any further use of the
 * environment.
 */
export function isGivenUp(error: unknown): boolean {
  return isObject(error) && error["code"] === panic;
}

const panic = -30795;

/** MDB_MAP_FULL, then ENOSPC and EDQUOT as LMDB reports them (numbers) and as Node does (names). */
const fullCodes: ReadonlySet<unknown> = new Set([-30792, 28, 122, "ENOSPC", "EDQUOT"]);
const inputOutputError = 5;

async function isFull(reason: unknown, folder: string): Promise<boolean> {
  if (!isObject(reason)) return false;
  if (fullCodes.has(reason["code"])) return true;
  // When only a part of a write fits on the disk, LMDB reports EIO for the rest.
  return reason["code"] === inputOutputError && !(await hasRoom(folder).catch(() => true));
}

async function commitReason(cause: unknown): Promise<unknown> {
  if (!isObject(cause) || !(cause["commitError"] instanceof Promise)) return cause;
  return cause["commitError"].then(
    () => cause,
    (reason: unknown) => reason,
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
