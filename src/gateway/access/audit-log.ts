/** Who changed the cluster, or tried to: one structured line for each attempt, allowed or refused. */
import type { ErrorCode } from "../../core/error.js";
import type { Log } from "../../core/log.js";

export interface AuditRecord {
  readonly action: "acceptLoss" | "assign" | "register" | "remove";
  /** Name of the caller. */
  readonly by: string;
  readonly requestId: string;
  /** What was asked for. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** What the action was about, as it was before and is now; null: it did not exist, or does not any more. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  /** "DONE", or why not. */
  readonly outcome: "DONE" | ErrorCode;
}

export type AuditLog = (record: AuditRecord) => void;

/** Lines with `audit: true` in `log`. */
export function auditTo(log: Pick<Log, "info">): AuditLog {
  return (record) => log.info({ audit: true, ...record }, "Cluster change attempted.");
}
