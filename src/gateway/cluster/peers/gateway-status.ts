/** The gateways of the cluster as people see them, made of what the leader knows. */
import type { GatewayRow } from "../../../wire/gateway-peers.js";

export interface GatewayStatus {
  /** Null: it has none. */
  readonly name: string | null;
  /** Null: it does not say where it answers. */
  readonly url: string | null;
  readonly isLeader: boolean;
  /** Of the cluster map that it goes by. */
  readonly mapVersion: number;
  /** When the leader last heard of it, milliseconds since 1970. */
  readonly lastSeenAtMs: number;
}

/** `heardAtMs`: when the rows were made, milliseconds since 1970. */
export function gatewayStatuses(rows: readonly GatewayRow[], heardAtMs: number): readonly GatewayStatus[] {
  return rows.map(({ silentMs, ...row }) => ({ ...row, lastSeenAtMs: heardAtMs - silentMs }));
}
