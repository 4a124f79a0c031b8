/**
 * Puts and deletions. Those of one call travel in one request; those of different calls never share one: a bad expiry
 * would then fail its neighbours, and one lost answer would leave all of them unknown.
 */
import { withDeadline } from "./deadline.js";
import type { DeleteItem, PutItem } from "./entry.js";
import type { Settings } from "./options.js";
import type { DeleteOutcome, PutOutcome } from "./outcome.js";
import {
  deleteOutcome,
  putOutcome,
  resultList,
  valueMismatch,
  type RawResult,
  type ValueReading,
} from "./raw-result.js";
import { send } from "./request.js";
import { sendItems } from "./retry.js";

/** One outcome per item, in order. Of a value that does not fit the schema nothing is sent. */
export async function putAll(
  items: readonly PutItem<unknown>[],
  reading: ValueReading,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<PutOutcome<unknown>[]> {
  // Written is what was passed, whatever the caller does with the object while the request is on its way.
  const writes = items.map((item) => ({ item, text: putInput(item, settings) }));
  const mismatches = await Promise.all(items.map(({ key, value }) => valueMismatch(key, value, reading.schema)));
  const sent = writes.filter((_, index) => mismatches[index] === null);
  const results = await sendWrites(settings.documents.putMany, sent, settings, signal);
  return Promise.all(
    writes.map((write, index) => mismatches[index] ?? putOutcome(write.item, resultOf(write, results), reading)),
  );
}

/** One outcome per item, in order. */
export async function deleteAll(
  items: readonly DeleteItem[],
  reading: ValueReading,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<DeleteOutcome<unknown>[]> {
  const writes = items.map((item) => ({ item, text: deleteInput(item) }));
  const results = await sendWrites(settings.documents.deleteMany, writes, settings, signal);
  return Promise.all(writes.map((write) => deleteOutcome(write.item.key, resultOf(write, results), reading)));
}

/** An item and the GraphQL input that it becomes, in JSON text. */
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

async function sendWrites(
  document: string,
  writes: readonly Write[],
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Write, RawResult>> {
  const results = new Map<Write, RawResult>();
  if (writes.length === 0) return results;
  const writesOfKey = new Map<string, number>();
  for (const { item } of writes) writesOfKey.set(item.key, (writesOfKey.get(item.key) ?? 0) + 1);
  const request = (signal: AbortSignal) => ({
    send: async (open: readonly Write[]) => {
      const variables = `{"items":[${open.map(({ text }) => text).join(",")}]}`;
      return resultList(await send({ document, variables, isWrite: true }, settings, signal), open.length, true);
    },
    settle: (write: Write, result: RawResult) => void results.set(write, result),
    // Sent again behind a later write of the same key, it would undo that one.
    isRepeatable: ({ item }: Write) => writesOfKey.get(item.key) === 1,
  });
  await withDeadline((signal) => sendItems(writes, request(signal), settings, signal), settings, signal);
  return results;
}

function resultOf(write: Write, results: ReadonlyMap<Write, RawResult>): RawResult {
  const result = results.get(write);
  if (result === undefined) throw new Error("A write was left without a result.");
  return result;
}
