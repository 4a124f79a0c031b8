/**
 * More writes than fit in one request travel in several, one after another: so two writes of one key keep their order,
 * and when a request fails, it is certain which items were not sent. That is told by the error that is then thrown.
 */
import { ShardgateRequestError, type PartialOutcomes } from "../request/request-error.js";
import { requestKeysMax } from "../request/repeat.js";

/**
 * Most bytes of the items in one request of writes: two values of the longest kind, and of usual JSON a good part of the
 * arrays, objects and members that the gateway takes in one body.
 */
export const requestBytesMax = 2 * 1024 * 1024;

/** The items in their order, in parts that each fit in one request; an item that is too long for any has its own. */
export function partsOf<Item extends { readonly text: string }>(items: readonly Item[]): readonly (readonly Item[])[] {
  const encoder = new TextEncoder();
  const parts: Item[][] = [];
  let part: Item[] = [];
  let partBytes = 0;
  for (const item of items) {
    const bytes = encoder.encode(item.text).length;
    if (part.length === 0 || part.length === requestKeysMax || partBytes + bytes > requestBytesMax) {
      parts.push((part = []));
      partBytes = 0;
    }
    part.push(item);
    partBytes += bytes;
  }
  return parts;
}

/** The failure of one of a call's requests. */
export interface PartFailure {
  readonly error: unknown;
  /** Items of that request whose outcome is not known; some may have had theirs in an attempt before. */
  readonly count: number;
  /** How many of the call's items, from the first, belong to it or come before it. */
  readonly end: number;
}

/** What to throw for a call whose `outcomes` are null where they are not known. */
export function partialFailure(
  { error, count, end }: PartFailure,
  outcomes: PartialOutcomes,
  done: "written" | "deleted",
): ShardgateRequestError {
  const failure = error instanceof ShardgateRequestError ? error : notSent(error);
  const known = outcomes.filter((outcome) => outcome !== null).length;
  const unsent = outcomes.length - known - count;
  const failed = failure.isOutcomeUnknown ? `may have been ${done}` : `${count === 1 ? "was" : "were"} not ${done}`;
  const facts = [
    `${known} ${known === 1 ? "has" : "have"} an outcome`,
    `${count} ${failed}`,
    ...(unsent === 0 ? [] : [`${unsent} ${unsent === 1 ? "was" : "were"} not sent`]),
  ];
  const last = facts.pop();
  const message = `${failure.message.replace(/\.$/, "")}. Of the ${outcomes.length} items of this call, ${facts.join(", ")}, and ${last}.`;
  return new ShardgateRequestError(failure.code, message, {
    ...failure,
    cause: failure.cause,
    outcomes,
    unsentFrom: end,
  });
}

/** What the application's own `headers` throws, for a request behind others. */
function notSent(cause: unknown): ShardgateRequestError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const facts = { isRetryable: false, isOutcomeUnknown: false, status: null, cause };
  return new ShardgateRequestError("NOT_SENT", message, facts);
}
