/**
 * Writes a GraphQL result as JSON, with stored values spliced in as the text they are kept as. JSON.stringify could not:
 * it knows no raw text, and a parsed value would have lost digits and the order of its names.
 */
import type { ExecutionResult } from "graphql";
import { ShardgateError } from "../../core/error.js";
import { graphqlAnswerCharactersMax } from "../../core/limits.js";

/** JSON text in a result, to be written as it is. Made by the JSON scalar only. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The response body (GraphQL over HTTP: `errors` first, so that a reader sees them). Throws ANSWER_TOO_LARGE when its
 * values would make it longer than `charactersMax`.
 */
export function resultText(
  { errors, data, extensions }: ExecutionResult,
  charactersMax: number = graphqlAnswerCharactersMax,
): string {
  const members: string[] = [];
  if (errors !== undefined) members.push(`"errors":${JSON.stringify(errors)}`);
  if (data !== undefined) members.push(`"data":${new ValueWriter(charactersMax).text(data)}`);
  if (extensions !== undefined) members.push(`"extensions":${JSON.stringify(extensions)}`);
  return `{${members.join(",")}}`;
}

/** Counts what it writes: aliases may repeat a value as often as the document has room for them. */
class ValueWriter {
  #charactersLeft: number;

  constructor(charactersMax: number) {
    this.#charactersLeft = charactersMax;
  }

  text(value: unknown): string {
    if (value instanceof RawJson) return this.#counted(value.text);
    if (typeof value !== "object" || value === null) return this.#counted(JSON.stringify(value ?? null));
    if (Array.isArray(value)) return `[${value.map((item) => this.text(item)).join(",")}]`;
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${this.text(member)}`);
    return `{${members.join(",")}}`;
  }

  #counted(text: string): string {
    this.#charactersLeft -= text.length;
    if (this.#charactersLeft >= 0) return text;
    throw new ShardgateError("ANSWER_TOO_LARGE", "The answer is too long; fewer keys or fields would fit.");
  }
}
