/**
 * An unchecked JSON argument. GraphQL's coercion either accepts a value or fails the whole request, but a bad value in
 * `putMany` must fail only its own item: so every text passes coercion, and the resolver checks each item.
 */
import { ShardgateError } from "../../../core/error.js";
import { parsedJsonProblem, type JsonText, type ValueBounds } from "../../../core/text/json-text.js";

export class JsonInput {
  readonly #source: string | ShardgateError;
  readonly #parsed: unknown;

  /**
   * `source`: the value's JSON text as the client wrote it, or the INVALID_VALUE error when there is none. `parsed`:
   * the value parsed with the request; undefined when the text comes from a literal.
   */
  constructor(source: string | ShardgateError, parsed?: unknown) {
    this.#source = source;
    this.#parsed = parsed;
  }

  /** The unchecked text. Throws INVALID_VALUE when there is none. */
  get text(): string {
    if (this.#source instanceof ShardgateError) throw this.#source;
    return this.#source;
  }

  /** The checked value. Throws INVALID_VALUE when it violates a rule for values. */
  check(bounds: ValueBounds): JsonText {
    const problem = parsedJsonProblem(this.text, this.#parsed, bounds);
    if (problem !== null) throw new ShardgateError("INVALID_VALUE", `The value ${problem}.`);
    return this.text as JsonText;
  }

  /** Keeps the value out of GraphQL's messages, which quote refused arguments. */
  toJSON(): string {
    return "(JSON)";
  }
}
