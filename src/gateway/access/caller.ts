/** Who asks, and what they may do. Found once per request, from what it brings along; everything later asks only this. */
import { callerNameCharactersMax } from "../../core/limits.js";
import { Permissions } from "./permissions.js";

export interface Caller {
  /** For logs, the audit log, and limits that each caller has for itself. */
  readonly name: string;
  readonly permissions: Permissions;
  /** A storage node of this cluster: it may register and say that it lives. */
  readonly isNode: boolean;
  /** Another gateway of this cluster: it may pass on what reached it, and say what it heard of storage nodes. */
  readonly isPeer: boolean;
}

/** Everybody, where nobody is asked who they are. */
export const openCaller: Caller = {
  name: "anyone",
  permissions: new Permissions([{ role: "admin", prefix: "" }]),
  isNode: false,
  isPeer: false,
};

const noPermissions = new Permissions([]);

/** Whoever has the cluster's secret on the side of the storage nodes. */
export const nodeCaller: Caller = { name: "storage-node", permissions: noPermissions, isNode: true, isPeer: false };

/** Whoever has the cluster's secret on the side of the gateways. */
export const peerCaller: Caller = { name: "peer-gateway", permissions: noPermissions, isNode: false, isPeer: true };

/** Whoever asks for what is open to all without saying who they are. */
export const nobody: Caller = { name: "nobody", permissions: noPermissions, isNode: false, isPeer: false };

/** The names of those above, which nobody from outside may have. */
export const ownCallerNames: readonly string[] = [openCaller, nodeCaller, nobody, peerCaller].map(({ name }) => name);

/** Whether `name` can be that of somebody from outside: it stands in logs as it is, and is none of ours. */
export function isCallerName(name: unknown): name is string {
  if (typeof name !== "string" || name === "" || name.length > callerNameCharactersMax) return false;
  return !/\p{Cc}/u.test(name) && !ownCallerNames.includes(name);
}
