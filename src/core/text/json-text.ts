/**
 * JSON as text (RFC 8259). Values are checked once, where they enter, and from then on kept as the text that the client
 * wrote: a parsed number would lose digits, a parsed object would reorder names. Also finds values within a larger JSON
 * text without parsing them, so that a value in a request body can be stored exactly as written.
 */
import { ShardgateError } from "../error.js";
import { jsonFault } from "./json-fault.js";
import { jsonShape, membersIn, type JsonShape } from "./json-shape.js";
import { utf8Bytes } from "../key.js";
import { defaultBounds, type GatewayBounds } from "../bounds.js";

declare const jsonBrand: unique symbol;

/** Text that is valid JSON within the bounds of a value. */
export type JsonText = string & { readonly [jsonBrand]: true };

/** The maximum length and depth of a value. */
export type ValueBounds = Pick<GatewayBounds, "valueBytes" | "valueDepth">;

/** Position of a value within a JSON text: `text.slice(start, end)`. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The value in `text`, unchanged. Throws INVALID_VALUE when it is not JSON, has duplicate names in one object, nests
 * deeper than `valueDepth`, or is longer than `valueBytes`.
 */
export function parseJsonText(text: string, bounds: ValueBounds = defaultBounds): JsonText {
  const problem = jsonProblem(text, bounds);
  if (problem !== null) throw new ShardgateError("INVALID_VALUE", `The value ${problem}.`);
  return text as JsonText;
}

/** The rule that `text` violates as a value, as a phrase that follows "The value …"; null when it violates none. */
export function jsonProblem(text: string, bounds: ValueBounds = defaultBounds): string | null {
  const { problem, members } = textShape(text, bounds);
  if (problem !== null) return problem;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return `is not JSON: ${jsonFault(text)}`;
  }
  return membersIn(parsed) === members ? null : duplicateNameProblem(text);
}

/**
 * As `jsonProblem`, for a text that is known to be JSON, without parsing it again. `parsed`: the result of JSON.parse;
 * undefined when it is not available, then the names in the text are compared instead, which takes longer.
 */
export function parsedJsonProblem(text: string, parsed: unknown, bounds: ValueBounds = defaultBounds): string | null {
  const { problem, members } = textShape(text, bounds);
  return problem ?? (membersIn(parsed) === members ? null : duplicateNameProblem(text));
}

/** The checks of a value that need no parsing; see `jsonProblem` and `JsonShape`. */
function textShape(text: string, { valueBytes, valueDepth }: ValueBounds): JsonShape {
  const problem =
    text.length > valueBytes || utf8Bytes(text) > valueBytes
      ? `is longer than ${valueBytes} bytes`
      : text.isWellFormed()
        ? null
        : "has a lone surrogate, which UTF-8 cannot express";
  if (problem !== null) return { problem, members: 0 };
  return jsonShape(text, { depthMax: valueDepth, partsMax: Number.POSITIVE_INFINITY });
}

/** The value in UTF-8 `bytes`. Throws INVALID_VALUE as `parseJsonText` does, and for bytes that are not UTF-8. */
export function parseJsonBytes(bytes: Uint8Array, bounds: ValueBounds = defaultBounds): JsonText {
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch (error) {
    throw new ShardgateError("INVALID_VALUE", "The value is not valid UTF-8.", {}, error);
  }
  return parseJsonText(text, bounds);
}

/** The JSON text of a parsed value whose numbers a double holds exactly, for example of a GraphQL literal. */
export function jsonTextOf(value: unknown): JsonText {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new ShardgateError("INVALID_VALUE", "The value cannot be written as JSON.");
  return parseJsonText(text);
}

/** The same value without white space between its tokens; needed where a value must fit on one line. */
export function compactJson(text: JsonText): JsonText {
  if (!/[\n\r\t ]/.test(text)) return text;
  let compact = "";
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) === quote) {
      const end = endOfString(text, index);
      compact += text.slice(index, end);
      index = end - 1;
    } else if (!isSpace(text.charCodeAt(index))) {
      compact += text[index];
    }
  }
  return compact as JsonText;
}

/**
 * The direct members of the object at `span` of valid JSON, by name; null when the value there is not an object. Throws
 * INVALID_VALUE when the object has one name twice.
 */
export function jsonMembers(text: string, span: JsonSpan): ReadonlyMap<string, JsonSpan> | null {
  let index = skipSpace(text, span.start);
  if (text[index] !== "{") return null;
  const members = new Map<string, JsonSpan>();
  index = skipSpace(text, index + 1);
  while (text[index] !== "}") {
    const nameEnd = endOfString(text, index);
    const name = stringAt(text, index, nameEnd);
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    if (members.has(name)) throw new ShardgateError("INVALID_VALUE", `The object ${isTwice(name)}.`);
    members.set(name, { start, end });
    index = skipSeparator(text, end);
  }
  return members;
}

/** The direct elements of the array at `span` of valid JSON; null when the value there is not an array. */
export function jsonElements(text: string, span: JsonSpan): readonly JsonSpan[] | null {
  let index = skipSpace(text, span.start);
  if (text[index] !== "[") return null;
  const elements: JsonSpan[] = [];
  index = skipSpace(text, index + 1);
  while (text[index] !== "]") {
    const end = endOfValue(text, index);
    elements.push({ start: index, end });
    index = skipSeparator(text, end);
  }
  return elements;
}

/**
 * The problem, in the form of `jsonProblem`, that an object of a valid JSON text has one name twice; null when none
 * has. Objects within `levelsMax` or more containers are not checked.
 */
export function duplicateNameProblem(text: string, levelsMax = Number.POSITIVE_INFINITY): string | null {
  /** One per open container: the names so far of an object, null for an array. */
  const open: (Set<string> | null)[] = [];
  let isNameNext = false;
  for (let index = 0; index < text.length; index++) {
    switch (text[index]) {
      case '"': {
        const end = endOfString(text, index);
        const names = open.at(-1);
        if (isNameNext && names && open.length <= levelsMax) {
          const name = stringAt(text, index, end);
          if (names.has(name)) return isTwice(name);
          names.add(name);
          isNameNext = false;
        }
        index = end - 1;
        break;
      }
      case "{":
        open.push(new Set());
        isNameNext = true;
        break;
      case "[":
        open.push(null);
        isNameNext = false;
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        isNameNext = open.at(-1) !== null;
        break;
      default:
        break;
    }
  }
  return null;
}

function isTwice(name: string): string {
  return `has the name ${JSON.stringify(name.slice(0, 64))} twice in one object`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const quote = 0x22;
const backslash = 0x5c;

/** Index just after the value that begins at `index`. */
function endOfValue(text: string, index: number): number {
  const first = text[index];
  if (first === '"') return endOfString(text, index);
  if (first !== "{" && first !== "[") return endOfScalar(text, index);
  let depth = 0;
  for (let at = index; ; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at) - 1;
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return at + 1;
    else if (character === undefined) throw new Error("Scanned past the end of a JSON text that was not valid.");
  }
}

/** Index just after the closing quote of the string whose opening quote is at `index`. */
function endOfString(text: string, index: number): number {
  for (let at = index + 1; ;) {
    const end = text.indexOf('"', at);
    if (end < 0) throw new Error("Scanned past the end of a JSON text that was not valid.");
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
    at = end + 1;
  }
}

/** The decoded string between `start` and `end` of valid JSON. */
function stringAt(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : inner;
}

function endOfScalar(text: string, index: number): number {
  let end = index;
  while (end < text.length && !/[\s,\]}]/.test(text[end] ?? "")) end++;
  return end;
}

function skipSpace(text: string, index: number): number {
  let at = index;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The index of the next value, or of the closing bracket, from the index after a value. */
function skipSeparator(text: string, index: number): number {
  const at = skipSpace(text, index);
  return text[at] === "," ? skipSpace(text, at + 1) : at;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}
