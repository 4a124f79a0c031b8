/**
 * The JSON text of a GraphQL literal. Numbers keep the digits that they have in the document, because GraphQL's number
 * tokens are JSON's (GraphQL specification, 2.9.1 and 2.9.2). Enum values have no JSON form and are refused.
 */
import { GraphQLError, Kind, type ValueNode } from "graphql";
import { ShardgateError } from "../../../core/error.js";
import { valueBytesMax, valueDepthMax } from "../../../core/limits.js";
import { JsonInput } from "./json-input.js";

/** Coerced variables by name, as GraphQL passes them to a scalar. */
type Variables = Readonly<Record<string, unknown>>;

/** The value of `literal`. Throws BAD_USER_INPUT for an enum value; `JsonInput.check` reports all other errors. */
export function jsonInputOfLiteral(literal: ValueNode, variables: Variables): JsonInput {
  try {
    return new JsonInput(new LiteralText(variables).of(literal));
  } catch (error) {
    if (error instanceof ShardgateError) return new JsonInput(error);
    throw error;
  }
}

/** Encodes one literal and counts its length, because it may contain one variable many times. */
class LiteralText {
  readonly #variables: Variables;
  #text = "";

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  of(literal: ValueNode): string {
    this.#literal(literal, 0);
    return this.#text;
  }

  #literal(node: ValueNode, depth: number): void {
    if (depth > valueDepthMax) throw invalid(`The value is nested deeper than ${valueDepthMax} levels.`);
    switch (node.kind) {
      case Kind.INT:
      case Kind.FLOAT:
        return this.#add(node.value);
      case Kind.STRING:
      case Kind.BOOLEAN:
        return this.#add(JSON.stringify(node.value));
      case Kind.NULL:
        return this.#add("null");
      case Kind.ENUM:
        throw new GraphQLError(`Enum value ${node.value} cannot be written as JSON; use a string.`, {
          nodes: node,
          extensions: { code: "BAD_USER_INPUT" },
        });
      case Kind.VARIABLE:
        return this.#variable(node.name.value);
      case Kind.LIST:
        return this.#list(node.values, (item) => this.#literal(item, depth + 1));
      case Kind.OBJECT:
        // As in an input object, a member whose variable was not provided is left out.
        return this.#object(
          node.fields
            .filter(({ value }) => value.kind !== Kind.VARIABLE || this.#isProvided(value.name.value))
            .map(({ name, value }): [string, ValueNode] => [name.value, value]),
          (value) => this.#literal(value, depth + 1),
        );
    }
  }

  #variable(name: string): void {
    this.#coerced(this.#isProvided(name) ? this.#variables[name] : null, name);
  }

  /** Appends a coerced value. A number may have lost digits, unless it is one that `Int` can hold. */
  #coerced(value: unknown, name: string): void {
    if (value instanceof JsonInput) return this.#add(value.text);
    if (Array.isArray(value)) return this.#list(value, (item) => this.#coerced(item, name));
    if (typeof value === "number" && (value !== (value | 0) || Object.is(value, -0))) {
      throw invalid(
        `Variable $${name} is used inside a JSON literal: declare it as JSON, so that its digits are kept.`,
      );
    }
    if (typeof value === "object" && value !== null) {
      return this.#object(Object.entries(value), (item) => this.#coerced(item, name));
    }
    return this.#add(JSON.stringify(value));
  }

  #list<T>(items: readonly T[], write: (item: T) => void): void {
    this.#add("[");
    for (const [index, item] of items.entries()) {
      if (index > 0) this.#add(",");
      write(item);
    }
    this.#add("]");
  }

  #object<T>(members: readonly (readonly [string, T])[], write: (value: T) => void): void {
    this.#add("{");
    for (const [index, [name, value]] of members.entries()) {
      this.#add(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`);
      write(value);
    }
    this.#add("}");
  }

  #isProvided(name: string): boolean {
    return Object.hasOwn(this.#variables, name) && this.#variables[name] !== undefined;
  }

  #add(piece: string): void {
    this.#text += piece;
    if (this.#text.length > valueBytesMax) throw invalid(`The value is longer than ${valueBytesMax} bytes.`);
  }
}

function invalid(message: string): ShardgateError {
  return new ShardgateError("INVALID_VALUE", message);
}
