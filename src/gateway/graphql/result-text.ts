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

/** An object of a result: the values of `fields`, in their order. Made by the plans, which know the names beforehand. */
export class ResultObject {
  /** `prefix`: the name as JSON, and a colon. */
  readonly fields: readonly { readonly prefix: string }[];
  readonly values: readonly unknown[];

  constructor(fields: ResultObject["fields"], values: readonly unknown[]) {
    this.fields = fields;
    this.values = values;
  }
}

/** A result whose data are as GraphQL.js makes them, or as a plan does. */
type Result = Omit<ExecutionResult, "data"> & { readonly data?: object | null };

/**
 * The response body (GraphQL over HTTP: `errors` first, so that a reader sees them). Throws ANSWER_TOO_LARGE when its
 * values would make it longer than `charactersMax`.
 */
export function resultText(
  { errors, data, extensions }: Result,
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
    if (Array.isArray(value)) return this.#list(value);
    if (value instanceof ResultObject) return this.#object(value);
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${this.text(member)}`);
    return `{${members.join(",")}}`;
  }

  #list(items: readonly unknown[]): string {
    let text = "[";
    for (const item of items) text += text.length > 1 ? `,${this.text(item)}` : this.text(item);
    return `${text}]`;
  }

  #object({ fields, values }: ResultObject): string {
    let text = "{";
    for (const [index, { prefix }] of fields.entries())
      text += (index > 0 ? "," : "") + prefix + this.text(values[index]);
    return `${text}}`;
  }

  #counted(text: string): string {
    this.#charactersLeft -= text.length;
    if (this.#charactersLeft >= 0) return text;
    throw new ShardgateError("ANSWER_TOO_LARGE", "The answer is too long; fewer keys or fields would fit.");
  }
}
