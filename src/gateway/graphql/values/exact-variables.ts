/**
 * Replaces the variables at JSON-typed positions by their text in the request. The parsed body cannot be used for them:
 * JSON.parse rounds numbers and reorders names. The walk follows the operation's variable definitions and the input
 * types, and skips everything that contains no JSON, so it costs as much as reading the body once more.
 */
import {
  getNamedType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  typeFromAST,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { ShardgateError } from "../../../core/error.js";
import { jsonElements, jsonMembers, type JsonSpan } from "../../../core/text/json-text.js";
import { JsonInput } from "./json-input.js";

type Variables = Readonly<Record<string, unknown>>;

/** Parsed variables, and a function that returns the JSON text of that object, which few operations need. */
interface SourcedVariables {
  readonly parsed: Variables;
  readonly text: () => string;
}

/** Variables or input fields that contain JSON, by name. */
type JsonPositions = readonly (readonly [string, GraphQLInputType])[];

export class ExactVariables {
  readonly #schema: GraphQLSchema;
  /** Whether a value of the input type can contain JSON. */
  readonly #hasJson = new Map<GraphQLNamedInputType, boolean>();
  readonly #fieldPositions = new Map<GraphQLInputObjectType, JsonPositions>();
  readonly #positions = new WeakMap<OperationDefinitionNode, JsonPositions>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /** The variables of an operation of a valid document, with a JsonInput at each JSON-typed position. */
  of(operation: OperationDefinitionNode, { parsed, text }: SourcedVariables): Variables {
    const positions = this.#positionsIn(operation);
    if (positions.length === 0) return parsed;
    const whole = text();
    return this.#object(parsed, whole, wholeOf(whole), positions);
  }

  #positionsIn(operation: OperationDefinitionNode): JsonPositions {
    const known = this.#positions.get(operation);
    if (known !== undefined) return known;
    const positions = (operation.variableDefinitions ?? []).flatMap(({ variable, type }): JsonPositions => {
      const inputType = typeFromAST(this.#schema, type);
      return isInputType(inputType) && this.#isJsonInside(inputType) ? [[variable.name.value, inputType]] : [];
    });
    this.#positions.set(operation, positions);
    return positions;
  }

  /**
   * `parsed`: the result of JSON.parse for `text` at `span`. Values that do not fit `type` are refused later, by
   * coercion.
   */
  #value(parsed: unknown, text: string, span: JsonSpan, type: GraphQLInputType): unknown {
    if (isNonNullType(type)) {
      // Where a value is required, JSON's null is a value too.
      return isJson(type.ofType) ? jsonInput(parsed, text, span) : this.#value(parsed, text, span, type.ofType);
    }
    if (parsed === null || !this.#isJsonInside(type)) return parsed;
    if (isJson(type)) return jsonInput(parsed, text, span);
    if (isListType(type)) return this.#list(parsed, text, span, type.ofType);
    if (!isInputObjectType(type) || !isObject(parsed)) return parsed;
    return this.#object(parsed, text, span, this.#positionsInside(type));
  }

  #positionsInside(type: GraphQLInputObjectType): JsonPositions {
    const known = this.#fieldPositions.get(type);
    if (known !== undefined) return known;
    const positions = Object.values(type.getFields()).flatMap((field): JsonPositions => {
      return this.#isJsonInside(field.type) ? [[field.name, field.type]] : [];
    });
    this.#fieldPositions.set(type, positions);
    return positions;
  }

  #list(parsed: unknown, text: string, span: JsonSpan, itemType: GraphQLInputType): unknown {
    // A single value stands for a list of one (GraphQL specification, 3.11, input coercion).
    if (!Array.isArray(parsed)) return this.#value(parsed, text, span, itemType);
    return jsonElements(text, span)?.map((element, index) => this.#value(parsed[index], text, element, itemType));
  }

  #object(parsed: Variables, text: string, span: JsonSpan, fields: JsonPositions): Variables {
    const members = membersOf(text, span);
    const exact: Record<string, unknown> = { ...parsed };
    for (const [name, type] of fields) {
      if (members instanceof ShardgateError) {
        // Which of two members was meant is unknown, so the object's value is not used.
        if (Object.hasOwn(parsed, name) && isJson(getNamedType(type))) exact[name] = new JsonInput(members);
        continue;
      }
      const member = members?.get(name);
      if (member !== undefined) exact[name] = this.#value(parsed[name], text, member, type);
    }
    return exact;
  }

  #isJsonInside(type: GraphQLInputType): boolean {
    const named = getNamedType(type);
    if (!isInputObjectType(named)) return isJson(named);
    const known = this.#hasJson.get(named);
    if (known !== undefined) return known;
    // An input type may contain itself: during its analysis it counts as containing no JSON.
    this.#hasJson.set(named, false);
    const hasJson = Object.values(named.getFields()).some((field) => this.#isJsonInside(field.type));
    this.#hasJson.set(named, hasJson);
    return hasJson;
  }
}

function isJson(type: GraphQLInputType): boolean {
  return "name" in type && type.name === "JSON";
}

function isObject(value: unknown): value is Variables {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Like `jsonMembers`, but returns an error instead of throwing it. */
function membersOf(text: string, span: JsonSpan): ReturnType<typeof jsonMembers> | ShardgateError {
  try {
    return jsonMembers(text, span);
  } catch (error) {
    if (error instanceof ShardgateError) return error;
    throw error;
  }
}

function jsonInput(parsed: unknown, text: string, { start, end }: JsonSpan): JsonInput {
  return new JsonInput(text.slice(start, end), parsed);
}

function wholeOf(text: string): JsonSpan {
  return { start: 0, end: text.length };
}
