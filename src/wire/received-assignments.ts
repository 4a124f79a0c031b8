/** Reads NodeAssignments, which come from a gateway over the wire, and refuses what is none. */
import { ShardgateError } from "../core/error.js";
import { epochMax, shardCountMax, urlCharactersMax } from "../core/limits.js";
import type { AssignedShard, NodeAssignments } from "./membership.js";

/** Throws BAD_REQUEST naming the field that is wrong. */
export function parseAssignments(body: unknown): NodeAssignments {
  const { clusterId, shardCount, mapVersion, shards, leader } = fieldsOf(body, "The assignments");
  if (typeof clusterId !== "string" || clusterId === "") throw wrong("clusterId");
  const assignments = {
    clusterId,
    shardCount: wholeNumber(shardCount, "shardCount", { min: 1, max: shardCountMax }),
    mapVersion: wholeNumber(mapVersion, "mapVersion", { min: 1, max: Number.MAX_SAFE_INTEGER }),
    ...(leader !== undefined && leader !== null && { leader: parseLeader(leader) }),
  };
  if (shards === undefined) return assignments;
  if (!Array.isArray(shards)) throw wrong("shards");
  return { ...assignments, shards: shards.map((shard) => parseAssignedShard(shard, assignments.shardCount)) };
}

function parseAssignedShard(value: unknown, shardCount: number): AssignedShard {
  const { shardId, epoch, lineage, sealedFor } = fieldsOf(value, "An assigned shard");
  const isText = typeof sealedFor === "string" && sealedFor !== "";
  if (!isText && sealedFor !== undefined && sealedFor !== null) throw wrong("sealedFor");
  return {
    shardId: wholeNumber(shardId, "shardId", { min: 0, max: shardCount - 1 }),
    epoch: wholeNumber(epoch, "epoch", { min: 1, max: epochMax }),
    ...(lineage !== undefined && {
      lineage: wholeNumber(lineage, "lineage", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    }),
    ...(isText && { sealedFor }),
  };
}

/** The URL's origin and base path, as gateways advertise it. */
function parseLeader(value: unknown): string {
  if (typeof value !== "string" || value.length > urlCharactersMax || !URL.canParse(value)) throw wrong("leader");
  const { protocol, username, password, search, hash, origin, pathname } = new URL(value);
  if (!/^https?:$/.test(protocol) || username + password + search + hash !== "") throw wrong("leader");
  return origin + pathname.replace(/\/+$/, "");
}

function wholeNumber(
  value: unknown,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw wrong(name);
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new ShardgateError("BAD_REQUEST", `${what} must be an object.`);
}

function wrong(name: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `\`${name}\` of the assignments is missing or out of range.`);
}
