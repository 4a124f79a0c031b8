/** The gateways of the cluster as APIs and the console show them, from the leader's knowledge. */
import type { GatewayRow } from "../../../wire/gateway-peers.js";

export interface GatewayStatus {
  /** Null: it has none. */
  readonly name: string | null;
  /** Null: it does not say where it answers. */
  readonly url: string | null;
  readonly isLeader: boolean;
  /** Version of its cluster map. */
  readonly mapVersion: number;
  /** When the leader last received its beat, milliseconds since 1970. */
  readonly lastSeenAtMs: number;
}

/** `heardAtMs`: when the rows were made, milliseconds since 1970. */
export function gatewayStatuses(rows: readonly GatewayRow[], heardAtMs: number): readonly GatewayStatus[] {
  return rows.map(({ silentMs, ...row }) => ({ ...row, lastSeenAtMs: heardAtMs - silentMs }));
}
