/**
 * The bodies of `POST /batch`: one line of JSON (the head), a newline, then the bytes of all values one after another,
 * in the order in which the head gives their `valueBytes`. Values are never escaped, parsed or copied into the head, so
 * they arrive as they were written, and their cost depends on their length only.
 *
 * Request head: `{"operations":[{"op":"get","shard":2,"epoch":3,"key":"user123"}, …]}`. Answer head:
 * `{"outcomes":[{"status":200,"version":"7","createdAt":…,"updatedAt":…,"valueBytes":12}, …]}`, times in milliseconds
 * since 1970.
 */
import { ShardgateError } from "../../core/error.js";
import { jsonFault } from "../../core/text/json-fault.js";
import { nodeBatchOperationsMax } from "../../core/limits.js";
import type { Outcome, RoutedOperation } from "../../core/operation.js";
import { utf8Text } from "../../core/text/utf8.js";
import { listIn, operationOf, outcomeOf, recordOf, type ItemFields } from "./batch-fields.js";
import { operationText, outcomeText } from "./batch-text.js";
import { malformed, newline, ValueReader, ValueWriter } from "./batch-values.js";
import { readUsualOperations, readUsualOutcomes } from "./usual-forms.js";

/** The request body for `operations`. */
export function encodeBatchRequest(operations: readonly RoutedOperation[]): Buffer {
  const values = new ValueWriter();
  let head = '{"operations":[';
  for (let index = 0; index < operations.length; index++) {
    const routed = operations[index];
    if (routed !== undefined) head += (index === 0 ? "" : ",") + operationText(routed, values);
  }
  return values.behind(`${head}]}`);
}

/**
 * The operations of a request body; in place of a faulty one, the error for that operation alone. `areValuesChecked`:
 * the caller is known to have checked that the values are JSON within the bounds of a value. Throws BAD_REQUEST when
 * the body as a whole cannot be read, and TOO_MANY_KEYS.
 */
export function decodeBatchRequest(
  body: Buffer,
  areValuesChecked = false,
): readonly (RoutedOperation | ShardgateError)[] {
  const { head, start } = headOf(body);
  const usual = readUsualOperations(
    head,
    new ValueReader(body, start, head.length / operationCharacters),
    areValuesChecked,
  );
  if (usual !== null) return usual;
  const operations = listIn(parsed(head), "operations");
  if (operations.length > nodeBatchOperationsMax) {
    throw new ShardgateError(
      "TOO_MANY_KEYS",
      `The batch has ${operations.length} operations; at most ${nodeBatchOperationsMax} are allowed.`,
    );
  }
  const reader = new ValueReader(body, start, operations.length);
  const decoded = operations.map((item) => {
    const fields = recordOf(item);
    // The value is read even if the operation is refused, because the next operation's value follows it.
    const value = fields["op"] === "put" ? reader.strictText(fields["valueBytes"]) : null;
    try {
      return operationOf(fields, value, areValuesChecked);
    } catch (error) {
      if (error instanceof ShardgateError) return error;
      throw error;
    }
  });
  reader.end();
  return decoded;
}

/** The answer body for `outcomes`. */
export function encodeBatchAnswer(outcomes: readonly Outcome[]): Buffer {
  const values = new ValueWriter();
  let head = '{"outcomes":[';
  for (let index = 0; index < outcomes.length; index++) {
    const outcome = outcomes[index];
    if (outcome !== undefined) head += (index === 0 ? "" : ",") + outcomeText(outcome, values);
  }
  return values.behind(`${head}]}`);
}

/**
 * The outcomes of an answer to `operations`, matched by position. Throws BAD_REQUEST when the answer cannot be read,
 * has another number of outcomes, or an outcome does not fit its operation; the caller decides what that means for the
 * operations.
 */
export function decodeBatchAnswer(body: Buffer, operations: readonly RoutedOperation[]): readonly Outcome[] {
  const { head, start } = headOf(body);
  const usual = readUsualOutcomes(head, new ValueReader(body, start, operations.length), operations);
  if (usual !== null) return usual;
  const outcomes = listIn(parsed(head), "outcomes");
  if (outcomes.length !== operations.length) {
    throw malformed(`${outcomes.length} outcomes answer ${operations.length} operations`);
  }
  const reader = new ValueReader(body, start, outcomes.length);
  const decoded = operations.map(({ operation }, index) => outcomeOf(recordOf(outcomes[index]), operation, reader));
  reader.end();
  return decoded;
}

/** The head, and the offset at which the values after it begin. */
function headOf(body: Buffer): { readonly head: string; readonly start: number } {
  const end = body.indexOf(newline);
  if (end < 0) throw malformed("no newline ends the head");
  return { head: utf8Text(body, 0, end), start: end + 1 };
}

function parsed(head: string): ItemFields {
  let fields: unknown;
  try {
    fields = JSON.parse(head);
  } catch {
    throw malformed(`the head is not JSON: ${jsonFault(head)}`);
  }
  return recordOf(fields);
}

/** Approximate number of characters in the head for each operation. */
const operationCharacters = 64;
