/**
 * Serializes a GraphQL result as JSON and inserts stored values as their original text. JSON.stringify cannot do this:
 * it has no raw text, and a parsed value would have lost digits and the order of its names.
 */
import type { ExecutionResult } from "graphql";
import { ShardgateError } from "../../../core/error.js";

/** Values from this length on are separate pieces of the answer's text; shorter ones are cheaper as parts of one. */
const ownPieceCharactersMin = 1024;

/**
 * Longest GraphQL answer in characters, because aliases may repeat values: a quarter of the longest string that V8
 * supports.
 */
const graphqlAnswerCharactersMax = 128 * 1024 * 1024;

/** JSON text in a result, written unchanged. Created by the JSON scalar only. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object of a result: the values of `fields`, in order. Created by plans, which know the names beforehand. */
export class ResultObject {
  /** `prefix`: the name as JSON, and a colon. */
  readonly fields: readonly { readonly prefix: string }[];
  readonly values: readonly unknown[];

  constructor(fields: ResultObject["fields"], values: readonly unknown[]) {
    this.fields = fields;
    this.values = values;
  }
}

/** A result with data from GraphQL.js or from a plan. */
export type Result = Omit<ExecutionResult, "data"> & { readonly data?: object | null };

/**
 * The response body (GraphQL over HTTP: `errors` first, so that readers see them). Throws ANSWER_TOO_LARGE when its
 * values would make it longer than `charactersMax`.
 */
export function resultText(result: Result, charactersMax?: number): string {
  return resultPieces(result, charactersMax).join("");
}

/** As `resultText`, in pieces: joining long values into one text would copy them once more before they are sent. */
export function resultPieces(
  { errors, data, extensions }: Result,
  charactersMax: number = graphqlAnswerCharactersMax,
): readonly string[] {
  const writer = new ResultWriter(charactersMax);
  let before = "{";
  if (errors !== undefined) {
    writer.add(`${before}"errors":${JSON.stringify(errors)}`);
    before = ",";
  }
  if (data !== undefined) {
    writer.add(`${before}"data":`);
    writer.value(data);
    before = ",";
  }
  if (extensions !== undefined) {
    writer.add(`${before}"extensions":${JSON.stringify(extensions)}`);
    before = ",";
  }
  return writer.end(before === "{" ? "{}" : "}");
}

/**
 * Counts the characters of the values that it writes: aliases may repeat a value as often as the document has room for
 * them.
 */
class ResultWriter {
  readonly #pieces: string[] = [];
  /** The text of the current piece. */
  #text = "";
  #charactersLeft: number;

  constructor(charactersMax: number) {
    this.#charactersLeft = charactersMax;
  }

  add(text: string): void {
    this.#text += text;
  }

  value(value: unknown): void {
    if (value instanceof RawJson) this.#counted(value.text);
    else if (typeof value !== "object" || value === null) this.#counted(JSON.stringify(value ?? null));
    else if (Array.isArray(value)) this.#list(value);
    else if (value instanceof ResultObject) this.#object(value);
    else this.#members(Object.entries(value));
  }

  /** Ends the last piece with `text` and returns all pieces. */
  end(text: string): readonly string[] {
    this.#pieces.push(this.#text + text);
    return this.#pieces;
  }

  #list(items: readonly unknown[]): void {
    let before = "[";
    for (const item of items) {
      this.add(before);
      this.value(item);
      before = ",";
    }
    this.add(items.length === 0 ? "[]" : "]");
  }

  #object({ fields, values }: ResultObject): void {
    let before = "{";
    let index = 0;
    for (const { prefix } of fields) {
      this.add(before + prefix);
      this.value(values[index]);
      before = ",";
      index++;
    }
    this.add(index === 0 ? "{}" : "}");
  }

  #members(members: readonly (readonly [name: string, value: unknown])[]): void {
    let before = "{";
    for (const [name, value] of members) {
      this.add(`${before}${JSON.stringify(name)}:`);
      this.value(value);
      before = ",";
    }
    this.add(members.length === 0 ? "{}" : "}");
  }

  #counted(text: string): void {
    this.#charactersLeft -= text.length;
    if (this.#charactersLeft < 0)
      throw new ShardgateError("ANSWER_TOO_LARGE", "The answer is too large. Ask for fewer keys or fields.");
    if (text.length < ownPieceCharactersMin) return this.add(text);
    this.#pieces.push(this.#text, text);
    this.#text = "";
  }
}
