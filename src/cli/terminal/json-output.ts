/**
 * JSON output for programs, built as text: values are copied from the gateway's answer as they are stored, with every
 * digit. There is one document; each element of a list is on a line of its own.
 */

/** The object with these members, whose values are JSON texts. */
export function objectText(members: Readonly<Record<string, string>>): string {
  const texts = Object.entries(members).map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  return `{${texts.join(",")}}`;
}

/** The array of these JSON texts. */
export function arrayText(texts: readonly string[]): string {
  const pieces = new ArrayPieces();
  return pieces.next(texts) + pieces.end();
}

/** The text of an array in pieces, for a list that is never in memory as a whole. */
export class ArrayPieces {
  #isBegun = false;

  /** The next elements, which are JSON texts. */
  next(texts: readonly string[]): string {
    return texts.map((text) => this.#separator() + text).join("");
  }

  end(): string {
    return this.#isBegun ? "\n]" : "[]";
  }

  #separator(): string {
    if (this.#isBegun) return ",\n";
    this.#isBegun = true;
    return "[\n";
  }
}
