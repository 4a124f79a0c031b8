/**
 * The caller of a request and its permissions. Determined once per request from its credentials; all later checks use
 * this object.
 */
import { callerNameCharactersMax } from "../../core/limits.js";
import { Permissions } from "./permissions.js";

export interface Caller {
  /** Used in logs, in the audit log, and for limits per caller. */
  readonly name: string;
  readonly permissions: Permissions;
  /** True for a storage node of this cluster, which may register and send heartbeats. */
  readonly isNode: boolean;
  /** True for another gateway of this cluster, which may forward commands and report signs of life of storage nodes. */
  readonly isPeer: boolean;
}

/** Every client of a gateway without authentication. */
export const openCaller: Caller = {
  name: "anyone",
  permissions: new Permissions([{ role: "admin", prefix: "" }]),
  isNode: false,
  isPeer: false,
};

const noPermissions = new Permissions([]);

/** A storage node that has authenticated with the cluster's secret. */
export const nodeCaller: Caller = { name: "storage-node", permissions: noPermissions, isNode: true, isPeer: false };

/** A gateway that has authenticated with the cluster's secret. */
export const peerCaller: Caller = { name: "peer-gateway", permissions: noPermissions, isNode: false, isPeer: true };

/** A client without credentials that requests something open to all. */
export const nobody: Caller = { name: "nobody", permissions: noPermissions, isNode: false, isPeer: false };

/** The names of the callers above; no token may have one of them. */
export const ownCallerNames: readonly string[] = [openCaller, nodeCaller, nobody, peerCaller].map(({ name }) => name);

/** Whether `name` may be the name of a token's caller: fit for logs as it is, and not one of `ownCallerNames`. */
export function isCallerName(name: unknown): name is string {
  if (typeof name !== "string" || name === "" || name.length > callerNameCharactersMax) return false;
  return !/\p{Cc}/u.test(name) && !ownCallerNames.includes(name);
}
