/**
 * Formats JSON text with line breaks and indentation. The text is tokenized but never parsed, because a parser would
 * round numbers: every character of a string or number stays as it is stored.
 */

/** Longest text that is formatted; the rest is cut off, so that a value of a megabyte does not block the page. */
const charactersMax = 64 * 1024;

export interface LaidOut {
  readonly text: string;
  readonly isCut: boolean;
}

export function laidOut(json: string): LaidOut {
  const isCut = json.length > charactersMax;
  let text = "";
  let depth = 0;
  for (const [token] of json.slice(0, charactersMax).matchAll(tokens)) {
    const isOpening = token.startsWith("{") || token.startsWith("[");
    const isEmpty = isOpening && token.length > 1;
    if (token === "}" || token === "]") text += lineBreak(--depth);
    text += isEmpty ? token.replace(/\s/g, "") : token === ":" ? ": " : token;
    if (isOpening && !isEmpty) text += lineBreak(++depth);
    if (token === ",") text += lineBreak(depth);
  }
  return { text, isCut };
}

/**
 * The tokens: strings, empty brackets, brackets and separators, and everything else up to the next of these. White
 * space is dropped.
 */
const tokens = /"(?:[^"\\]|\\.)*"?|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/g;

function lineBreak(depth: number): string {
  return `\n${"  ".repeat(Math.max(0, depth))}`;
}
