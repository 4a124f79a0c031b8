/**
 * How deep a JSON text nests and how many parts it has, measured without parsing: a text for which JSON.parse would
 * need gigabytes and seconds is refused by a scan of its characters. Whether it is valid JSON is not checked.
 */

export interface JsonShapeBounds {
  /** Most levels of nesting. */
  readonly depthMax: number;
  /** Most parts: an array, an object and an element count as one, a member as four, because its name costs as much. */
  readonly partsMax: number;
}

export interface JsonShape {
  /** The bound that the text exceeds, as a phrase that follows "The body …"; null when it exceeds none. */
  readonly problem: string | null;
  /** Number of members in all objects, repeated names included, up to where the scan stopped. */
  readonly members: number;
}

/** Stops at the first level too many. */
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

/**
 * Number of members in all objects of a parsed value. It is smaller than that of the text when an object had one name
 * twice.
 */
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

/** In a longer string, searching for the quote is faster than checking each character. */
const shortString = 48;

/** Index of the quote that closes the string opened at `start`; the end of the text when there is none. */
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

/** Whether an odd number of backslashes precedes `index`. */
function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text.charCodeAt(start - 1) === backslash) start--;
  return (index - start) % 2 === 1;
}
