/**
 * Global object identification (https://relay.dev/graphql/objectidentification.htm): an ID is base64url of the type's
 * name, a colon and what identifies the object within its type. Clients must treat it as opaque.
 */
import { ShardgateError } from "../../../core/error.js";

const types = ["Entry", "Shard", "StorageNode", "Cluster"] as const;

export interface GlobalId {
  readonly type: (typeof types)[number];
  /** A key, a shard's number, a storage node's name, or the cluster's id. */
  readonly local: string;
}

export function encodeGlobalId(type: GlobalId["type"], local: string | number): string {
  return Buffer.from(`${type}:${local}`, "utf8").toString("base64url");
}

/** Throws BAD_USER_INPUT for a text that `encodeGlobalId` did not create. */
export function decodeGlobalId(id: string): GlobalId {
  const text = Buffer.from(id, "base64url").toString("utf8");
  const colon = text.indexOf(":");
  const type = types.find((name) => name === text.slice(0, colon));
  const local = text.slice(colon + 1);
  // Base64 decoders skip unknown characters: only the canonical text is accepted.
  if (type === undefined || encodeGlobalId(type, local) !== id) {
    throw new ShardgateError("BAD_USER_INPUT", `ID ${JSON.stringify(id.slice(0, 64))} is not one of this schema's.`);
  }
  return { type, local };
}
