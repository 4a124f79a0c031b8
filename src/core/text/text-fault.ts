/**
 * Describes the position at which a text has a fault. The messages of parsers differ between versions, and some quote
 * arbitrary parts of the text.
 */

/** The phrase for a fault at `at`: `unexpected "}" at line 2, column 5`, or that the text is empty or ends too early. */
export function textFault(text: string, at: number): string {
  if (text === "") return "it is empty";
  if (at >= text.length) return "it ends too early";
  word.lastIndex = at;
  const [found = ""] = word.exec(text) ?? [];
  let line = 1;
  let lineAt = 0;
  for (let index = 0; index < at; index++) {
    const unit = text.charCodeAt(index);
    const isEnd = unit === lineFeed || (unit === carriageReturn && text.charCodeAt(index + 1) !== lineFeed);
    if (!isEnd) continue;
    line++;
    lineAt = index + 1;
  }
  return `unexpected ${JSON.stringify(found)} at line ${line}, column ${at - lineAt + 1}`;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The first characters of a word or number, or one other character; a surrogate pair is one character. */
const word = /[A-Za-z0-9_]{1,20}|[^]/uy;
