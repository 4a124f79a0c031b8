/**
 * Writes a GraphQL result as JSON, with stored values spliced in as the text they are kept as. JSON.stringify could not:
 * it knows no raw text, and a parsed value would have lost digits and the order of its names.
 */
import type { ExecutionResult } from "graphql";

/** JSON text in a result, to be written as it is. Made by the JSON scalar only. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The response body (GraphQL over HTTP: `errors` first, so that a reader sees them). */
export function resultText({ errors, data, extensions }: ExecutionResult): string {
  const members: string[] = [];
  if (errors !== undefined) members.push(`"errors":${JSON.stringify(errors)}`);
  if (data !== undefined) members.push(`"data":${valueText(data)}`);
  if (extensions !== undefined) members.push(`"extensions":${JSON.stringify(extensions)}`);
  return `{${members.join(",")}}`;
}

function valueText(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(valueText).join(",")}]`;
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${valueText(member)}`);
  return `{${members.join(",")}}`;
}
