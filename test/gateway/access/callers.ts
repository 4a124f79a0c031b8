/** Callers of every kind, whom a gateway recognises by their tokens. */
import { createAccess, type Access } from "../../../src/gateway/access/access.js";
import type { AuditRecord } from "../../../src/gateway/access/audit-log.js";
import { nodeCaller, peerCaller, type Caller } from "../../../src/gateway/access/caller.js";
import { parseGrant } from "../../../src/gateway/access/grant.js";
import { Permissions } from "../../../src/gateway/access/permissions.js";

export function caller(name: string, ...grants: readonly string[]): Caller {
  return { name, permissions: new Permissions(grants.map(parseGrant)), isNode: false, isPeer: false };
}

/** By token, which is also the caller's name. `a/` is the prefix of callers that have a part of the key space. */
export const callers = {
  readPrefix: caller("readPrefix", "read:a/"),
  writePrefix: caller("writePrefix", "write:a/"),
  readAll: caller("readAll", "read:"),
  admin: caller("admin", "admin"),
  node: nodeCaller,
  peer: peerCaller,
} as const satisfies Readonly<Record<string, Caller>>;

export interface TestAccess extends Access {
  readonly records: readonly AuditRecord[];
  /** Tokens that are no longer valid. */
  readonly revoked: Set<string>;
}

export function testAccess({ isOpen = false, areNodesProven = true } = {}): TestAccess {
  const records: AuditRecord[] = [];
  const revoked = new Set<string>();
  const known = new Map<string, Caller>(Object.entries(callers));
  const access = createAccess({
    verifiers: [{ callerOf: (token) => (revoked.has(token) ? null : (known.get(token) ?? null)) }],
    isOpen,
    areNodesProven,
    audit: (record) => void records.push(record),
  });
  return { ...access, records, revoked };
}
