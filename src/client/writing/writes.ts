/**
 * Puts and deletions. Those of one call share as few requests as possible. Different calls never share a request:
 * otherwise an invalid expiry would fail the other calls, and one lost answer would leave all of them unknown.
 */
import { withDeadline } from "../request/deadline.js";
import type { DeleteItem, PutItem } from "../client-entry.js";
import type { Settings } from "../options.js";
import type { DeleteOutcome, PutOutcome } from "../outcome.js";
import {
  deleteOutcome,
  putOutcome,
  resultList,
  valueMismatch,
  type RawResult,
  type ValueReading,
} from "../request/raw-result.js";
import { send } from "../request/request.js";
import { sendItems } from "../request/repeat.js";
import { partialFailure, partsOf, type PartFailure } from "./write-parts.js";

/** Resolves to one outcome per item, in order. A value that does not fit the schema is not sent. */
export async function putAll(
  items: readonly PutItem<unknown>[],
  reading: ValueReading,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<PutOutcome<unknown>[]> {
  // Serialized now, so that later changes of the caller's object have no effect on the request.
  const writes = items.map((item) => ({ item, text: putInput(item, settings) }));
  const mismatches = await Promise.all(items.map(({ key, value }) => valueMismatch(key, value, reading.schema)));
  const sent = writes.filter((_, index) => mismatches[index] === null);
  const { results, failed } = await sendWrites(settings.documents.putMany, sent, settings, signal);
  const outcomes = await Promise.all(
    writes.map(async (write, index) => {
      const result = results.get(write);
      return mismatches[index] ?? (result === undefined ? null : putOutcome(write.item, result, reading));
    }),
  );
  if (failed !== null) throw partialFailure(failureIn(writes, failed), outcomes, "written");
  return outcomes.map(certain);
}

/** Resolves to one outcome per item, in order. */
export async function deleteAll(
  items: readonly DeleteItem[],
  reading: ValueReading,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<DeleteOutcome<unknown>[]> {
  const writes = items.map((item) => ({ item, text: deleteInput(item) }));
  const { results, failed } = await sendWrites(settings.documents.deleteMany, writes, settings, signal);
  const outcomes = await Promise.all(
    writes.map(async (write) => {
      const result = results.get(write);
      return result === undefined ? null : deleteOutcome(write.item.key, result, reading);
    }),
  );
  if (failed !== null) throw partialFailure(failureIn(writes, failed), outcomes, "deleted");
  return outcomes.map(certain);
}

/** An item, and its GraphQL input as JSON text. */
interface Write {
  readonly item: { readonly key: string };
  readonly text: string;
}

function putInput({ key, value, expiry, condition }: PutItem<unknown>, { stringifyValue }: Settings): string {
  const valueText = stringifyValue(value);
  if (valueText === undefined) throw new TypeError(`The value to write at key ${JSON.stringify(key)} is not JSON.`);
  return `${JSON.stringify({ key, expiry, condition }).slice(0, -1)},"value":${valueText}}`;
}

function deleteInput({ key, condition }: DeleteItem): string {
  return JSON.stringify({ key, condition });
}

interface Sent {
  readonly results: ReadonlyMap<Write, RawResult>;
  /** The request that failed, after which nothing was sent; null when all were answered. */
  readonly failed: (Pick<PartFailure, "error" | "count"> & { readonly part: readonly Write[] }) | null;
}

/** Throws as `sendItems` does when all writes fit into one request, and the reason of an aborted `signal`. */
async function sendWrites(
  document: string,
  writes: readonly Write[],
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const results = new Map<Write, RawResult>();
  const writesOfKey = new Map<string, number>();
  for (const { item } of writes) writesOfKey.set(item.key, (writesOfKey.get(item.key) ?? 0) + 1);
  const request = (signal: AbortSignal) => ({
    send: async (open: readonly Write[]) => {
      const variables = `{"items":[${open.map(({ text }) => text).join(",")}]}`;
      return resultList(await send({ document, variables, isWrite: true }, settings, signal), open.length, true);
    },
    settle: (write: Write, result: RawResult) => void results.set(write, result),
    // A retry after a later write of the same key would undo that write.
    isRepeatable: ({ item }: Write) => writesOfKey.get(item.key) === 1,
  });
  const parts = partsOf(writes);
  for (const part of parts) {
    try {
      await withDeadline((signal) => sendItems(part, request(signal), settings, signal), settings, signal);
    } catch (error) {
      if (parts.length === 1 || signal?.aborted) throw error;
      const count = part.filter((write) => !results.has(write)).length;
      return { results, failed: { error, part, count } };
    }
  }
  return { results, failed: null };
}

function failureIn(writes: readonly Write[], { error, part, count }: NonNullable<Sent["failed"]>): PartFailure {
  const last = part.at(-1);
  return { error, count, end: writes.findIndex((write) => write === last) + 1 };
}

function certain<T>(outcome: T | null): T {
  if (outcome === null) throw new Error("A write has no result.");
  return outcome;
}
