/** The custom scalars: how their arguments are parsed and their results serialized. */
import { GraphQLError, GraphQLScalarType } from "graphql";
import { ShardgateError } from "../../../core/error.js";
import { parseTimestamp } from "../../../core/text/timestamp.js";
import { parseVersion, type Version } from "../../../core/version.js";
import { JsonInput } from "./json-input.js";
import { jsonInputOfLiteral } from "./json-literal.js";
import { RawJson } from "./result-text.js";

/** Milliseconds since 1970 (UTC). */
export type Moment = number;

/** Values pass through as text: arguments as a JsonInput of the request's own text, results as RawJson. */
export const jsonScalar = new GraphQLScalarType<JsonInput, RawJson>({
  name: "JSON",
  serialize: (value) => {
    if (typeof value !== "string") throw new Error("A field of type JSON resolved to something other than JSON text.");
    return new RawJson(value);
  },
  // exact-variables.ts has put a JsonInput wherever a JSON variable is expected.
  parseValue: (value) => {
    if (!(value instanceof JsonInput)) throw new Error("A JSON variable was not read from the request's text.");
    return value;
  },
  parseLiteral: (node, variables) => jsonInputOfLiteral(node, variables ?? {}),
});

export const versionScalar = new GraphQLScalarType<Version, string>({
  name: "Version",
  parseValue: (value) => {
    if (typeof value !== "string") throw badInput("Version must be a string with a decimal number");
    try {
      return parseVersion(value);
    } catch (error) {
      throw error instanceof ShardgateError ? badInput(error.message) : error;
    }
  },
});

export const dateTimeScalar = new GraphQLScalarType<Moment, string>({
  name: "DateTime",
  serialize: (value) => {
    if (typeof value !== "number")
      throw new Error("A field of type DateTime resolved to something other than a number.");
    return new Date(value).toISOString();
  },
  parseValue: (value) => parseDateTime(value),
});

function parseDateTime(value: unknown): Moment {
  const atMs = parseTimestamp(value);
  if (atMs === null) throw badInput("DateTime must be an RFC 3339 timestamp such as 2026-01-31T12:00:00.000Z");
  return atMs;
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}
