/** The public interface `shardgate/client`; everything else in this folder is internal. */
export { createClient } from "./create-client.js";
export { clientDocuments } from "./documents.js";
export { orThrow, ShardgateOutcomeError, valueOf } from "./outcome.js";
export { ShardgateRequestError } from "./request/request-error.js";

export type { CallOptions, Client, DeleteOptions, PutOptions, WithSchema } from "./client.js";
export type { DeleteItem, Entry, Expiry, PutItem, ShardOfKey, WriteCondition } from "./client-entry.js";
export type { ClientOptions, RequestHeaders } from "./options.js";
export type {
  Conflict,
  Deleted,
  DeleteOutcome,
  ExpiryPassed,
  Forbidden,
  Found,
  GetOutcome,
  InvalidKey,
  InvalidValue,
  Mismatch,
  NotFound,
  NotSupported,
  PutOutcome,
  Refused,
  Unavailable,
  Unknown,
  Written,
} from "./outcome.js";
export type { EntryScan, ScanOptions } from "./entry-scan.js";
export type { InferInput, InferOutput, SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.js";
export type { UpdateOptions } from "./writing/update.js";
