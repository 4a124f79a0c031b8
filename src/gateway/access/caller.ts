/** Who asks, and what they may do. Found once per request, from what it brings along; everything later asks only this. */
import { callerNameCharactersMax } from "../../core/limits.js";
import { Permissions } from "./permissions.js";

export interface Caller {
  /** For logs, the audit log, and limits that each caller has for itself. */
  readonly name: string;
  readonly permissions: Permissions;
  /** A storage node of this cluster: it may register and say that it lives. */
  readonly isNode: boolean;
}

/** Everybody, where nobody is asked who they are. */
export const openCaller: Caller = {
  name: "anyone",
  permissions: new Permissions([{ role: "admin", prefix: "" }]),
  isNode: false,
};

/** Whoever has the cluster's secret on the side of the storage nodes. */
export const nodeCaller: Caller = { name: "storage-node", permissions: new Permissions([]), isNode: true };

/** Whoever asks for what is open to all without saying who they are. */
export const nobody: Caller = { name: "nobody", permissions: new Permissions([]), isNode: false };

/** The names of those above, which nobody from outside may have. */
export const ownCallerNames: readonly string[] = [openCaller, nodeCaller, nobody].map(({ name }) => name);

/** Whether `name` can be that of somebody from outside: it stands in logs as it is, and is none of ours. */
export function isCallerName(name: unknown): name is string {
  if (typeof name !== "string" || name === "" || name.length > callerNameCharactersMax) return false;
  return !/\p{Cc}/u.test(name) && !ownCallerNames.includes(name);
}
