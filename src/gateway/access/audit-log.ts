/** The audit log: one structured line for each attempt to change the cluster, allowed or refused. */
import type { ErrorCode } from "../../core/error.js";
import type { Log } from "../../core/log.js";

export interface AuditRecord {
  readonly action: "acceptLoss" | "assign" | "drain" | "register" | "remove";
  /** Name of the caller. */
  readonly by: string;
  readonly requestId: string;
  /** The arguments of the requested change. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** The affected shard or storage node before and after the change; null when it does not exist. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  /** "DONE", or the code of the refusal. */
  readonly outcome: "DONE" | ErrorCode;
}

export type AuditLog = (record: AuditRecord) => void;

/** Writes lines with `audit: true` to `log`. */
export function auditTo(log: Pick<Log, "info">): AuditLog {
  return (record) => log.info({ audit: true, ...record }, "Cluster change attempted.");
}
