/**
 * The bodies of `POST /batch`: one line of JSON (the head), a newline, then the bytes of all values one after another,
 * in the order in which the head counts them in `valueBytes`. Values are never escaped, parsed or copied into the head,
 * so that they arrive as they were written and cost nothing but their length.
 *
 * Request head: `{"operations":[{"op":"get","shard":2,"epoch":3,"key":"user123"}, …]}`.
 * Answer head: `{"outcomes":[{"status":200,"version":"7","createdAt":…,"updatedAt":…,"valueBytes":12}, …]}`, times in
 * milliseconds since 1970.
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
 * The operations of a request body, each one or the error that it alone gets. `areValuesChecked`: the caller is known to
 * have checked that the values are JSON within the bounds of a value.
 * Throws BAD_REQUEST when the body as a whole cannot be read, and TOO_MANY_KEYS.
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
    // The value is taken first, also for an operation that is refused: its neighbours' values lie behind it.
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
 * The outcomes of an answer to `operations`, in their order: position alone says whose an outcome is. Throws a BAD_REQUEST
 * error, which the caller turns into what it means for the operation, when the answer cannot be read, has another count,
 * or an outcome does not fit its operation.
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

/** The head, and where the values behind it begin. */
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

/** About so many characters a head has for each operation. */
const operationCharacters = 64;
