/** Refusals of commands for lack of a gateway that leads. */
import { ShardgateError } from "../../../core/error.js";
import type { LeaderRecord } from "../../../registry/cluster-map.js";

/** As far as this gateway knows no gateway leads; no request was sent. */
export class NoLeader extends ShardgateError {
  constructor(last: LeaderRecord | null) {
    const named = [last?.name, last?.url].filter((part) => part !== null && part !== undefined).join(" at ");
    const before = named === "" ? "" : `; the last one was ${named}`;
    super(
      "REGISTRY_UNAVAILABLE",
      `No gateway leads the cluster now${before}. One takes the lead within seconds; try again.`,
    );
  }
}

/** Whether the command was refused, or may have failed, because no gateway led or answered. */
export function isWithoutLeader(error: unknown): boolean {
  return isUnchanged(error) || (error instanceof ShardgateError && error.code === "REGISTRY_UNAVAILABLE");
}

/** Whether a gateway refused because it does not lead, or no leader was known. */
export function isUnchanged(error: unknown): boolean {
  return error instanceof NoLeader || (error instanceof ShardgateError && error.code === "REGISTRY_CONFLICT");
}
