/** Composes a client from its parts. */
import type { CallOptions, Client, DeleteOptions, PutOptions } from "./client.js";
import { withDeadline } from "./request/deadline.js";
import type { DeleteItem, PutItem, ShardOfKey } from "./client-entry.js";
import { settingsOf, type ClientOptions, type Settings } from "./options.js";
import { getOutcome, type ValueReading } from "./request/raw-result.js";
import { ReadBatcher } from "./read-batcher.js";
import { send } from "./request/request.js";
import { repeat } from "./request/repeat.js";
import { scanEntries, type ScanOptions } from "./entry-scan.js";
import type { InferInput, InferOutput, StandardSchema } from "./standard-schema.js";
import { updateEntry, type UpdateOptions } from "./writing/update.js";
import { deleteAll, putAll } from "./writing/writes.js";

interface MaybeSchema {
  readonly schema?: StandardSchema | undefined;
}

/**
 * Creates a client of the gateway at `endpoint`. It holds no resources that need to be closed.
 *
 * With `schema` (zod, valibot, arktype, or any other library that implements Standard Schema), values are validated
 * when they are read and before they are written, and have the schema's types. Without one, the type argument is not
 * checked at run time.
 */
export function createClient<Schema extends StandardSchema>(
  options: ClientOptions & { readonly schema: Schema },
): Client<InferOutput<Schema>, InferInput<Schema>>;
export function createClient<Value = unknown>(options: ClientOptions & { readonly schema?: undefined }): Client<Value>;
export function createClient(options: ClientOptions & MaybeSchema): Client {
  const settings = settingsOf(options);
  const reads = new ReadBatcher(settings);
  const readingOf = ({ schema = options.schema }: MaybeSchema): ValueReading => ({
    parseValue: settings.parseValue,
    schema,
  });

  const getMany = async (keys: readonly string[], call: CallOptions & MaybeSchema = {}) => {
    const asked = [...keys];
    const results = await reads.load(asked, call.signal);
    return Promise.all(results.map((result, index) => getOutcome(asked[index] ?? "", result, readingOf(call))));
  };
  const putMany = (items: readonly PutItem<unknown>[], call: CallOptions & MaybeSchema = {}) =>
    putAll(items, readingOf(call), settings, call.signal);
  const deleteMany = (items: readonly (string | DeleteItem)[], call: CallOptions & MaybeSchema = {}) =>
    deleteAll(
      items.map((item) => (typeof item === "string" ? { key: item } : item)),
      readingOf(call),
      settings,
      call.signal,
    );
  const get = async (key: string, call?: CallOptions & MaybeSchema) => only(await getMany([key], call));

  return {
    get,
    getMany,
    put: async (key: string, value: unknown, { expiry, condition, ...call }: PutOptions & MaybeSchema = {}) =>
      only(await putMany([{ key, value, expiry, condition }], call)),
    putMany,
    delete: async (key: string, { condition, ...call }: DeleteOptions & MaybeSchema = {}) =>
      only(await deleteMany([{ key, condition }], call)),
    deleteMany,
    update: (key: string, fn: (current: never) => unknown, call: UpdateOptions & MaybeSchema = {}) => {
      const access = {
        get: () => get(key, call),
        put: async (item: Omit<PutItem<unknown>, "key">) => only(await putMany([{ key, ...item }], call)),
      };
      return updateEntry(access, fn as (current: unknown) => unknown, settings, call);
    },
    scan: (call: ScanOptions & MaybeSchema = {}) => scanEntries(call, readingOf(call), settings),
    shardFor: (key, call) => readShard(key, settings, call?.signal),
  };
}

function readShard(key: string, settings: Settings, signal: AbortSignal | undefined): Promise<ShardOfKey> {
  const request = { document: settings.documents.shardFor, variables: JSON.stringify({ key }), isWrite: false };
  const attempt = async (signal: AbortSignal) => (await send(request, settings, signal)) as ShardOfKey;
  return withDeadline((signal) => repeat(() => attempt(signal), settings, signal), settings, signal);
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("A call has no outcome.");
  return item;
}
