/**
 * Decides which failures of the engine are logged: each kind once until the engine succeeds again. A full disk or a lost
 * database fails every call.
 */
import { ShardgateError } from "../../core/error.js";

/** Ends each message of a failure that is logged once. */
export const loggedOnce = "Further failures of this kind are not logged.";

export class FailureStreak {
  #kind: string | null = null;

  /** Whether the failure differs from the last one, or is the first one since `ended`. */
  isNew(error: unknown): boolean {
    const kind = error instanceof ShardgateError ? error.code : String(error);
    const isNew = kind !== this.#kind;
    this.#kind = kind;
    return isNew;
  }

  /** The engine has succeeded. */
  ended(): void {
    this.#kind = null;
  }
}
