/**
 * How deep a JSON text nests and of how many parts it is made, found out without building anything: what JSON.parse would
 * take gigabytes and seconds for is refused by a look at its characters. Whether it is JSON at all is not looked at.
 */

export interface JsonShapeBounds {
  /** Most levels of nesting. */
  readonly depthMax: number;
  /** Most parts: an array, an object and an element count once, a member four times, since its name costs as much. */
  readonly partsMax: number;
}

export interface JsonShape {
  /** Which bound the text passes, as a phrase that follows "The body …"; null when it passes none. */
  readonly problem: string | null;
  /** Members of all its objects, those of one name counted each; as far as was looked. */
  readonly members: number;
}

/** Stops looking at the first level too many. */
export function jsonShape(text: string, { depthMax, partsMax }: JsonShapeBounds): JsonShape {
  let depth = 0;
  let parts = 0;
  let members = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === quote) {
      index = closingQuote(text, index);
      continue;
    }
    // In ASCII, `[` and `{` differ in this one bit, as `]` and `}` do.
    const folded = unit | 0x20;
    if (folded === openingBrace) {
      parts++;
      if (++depth > depthMax) return { problem: `is nested deeper than ${depthMax} levels`, members };
    } else if (folded === closingBrace) depth--;
    else if (unit === comma) parts++;
    else if (unit === colon) members++;
  }
  parts += 3 * members;
  return { problem: parts > partsMax ? `has more than ${partsMax} parts` : null, members };
}

/** Members of all objects in a parsed value: fewer than its text has when an object had one name twice. */
export function membersIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) for (const item of value) members += membersIn(item);
  else for (const member of Object.values(value)) members += 1 + membersIn(member);
  return members;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openingBrace = 0x7b;
const closingBrace = 0x7d;

/** In a longer string, looking for a quote is faster than looking at each character. */
const shortString = 48;

/** Where the string that is opened at `start` is closed; the end of the text when it is not. */
function closingQuote(text: string, start: number): number {
  const near = start + shortString;
  for (let index = start + 1; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === quote) return index;
    if (unit === backslash) index++;
    else if (index > near) {
      const next = text.indexOf('"', index);
      if (next < 0) return text.length;
      if (!isEscaped(text, next)) return next;
      index = next;
    }
  }
  return text.length;
}

/** Whether an odd number of backslashes stands before `index`. */
function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text.charCodeAt(start - 1) === backslash) start--;
  return (index - start) % 2 === 1;
}
