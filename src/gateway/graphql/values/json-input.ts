/**
 * A JSON argument before it is checked. GraphQL's coercion may only accept or fail the whole request, but a bad value
 * in `putMany` must cost its own item alone: so every text passes coercion, and the resolver checks it item by item.
 */
import { ShardgateError } from "../../../core/error.js";
import { parsedJsonProblem, type JsonText, type ValueBounds } from "../../../core/text/json-text.js";

export class JsonInput {
  readonly #source: string | ShardgateError;
  readonly #parsed: unknown;

  /**
   * `source`: the value's JSON text as the client wrote it, or the INVALID_VALUE error why there is none. `parsed`: what the
   * text was parsed to already, with the request; undefined where it was written from a literal.
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

  /** The value. Throws INVALID_VALUE when it breaks a rule for values. */
  check(bounds: ValueBounds): JsonText {
    const problem = parsedJsonProblem(this.text, this.#parsed, bounds);
    if (problem !== null) throw new ShardgateError("INVALID_VALUE", `The value ${problem}.`);
    return this.text as JsonText;
  }

  /** Keeps the value out of the messages in which GraphQL quotes the arguments it refuses. */
  toJSON(): string {
    return "(JSON)";
  }
}
