/**
 * JSON for programs, made as text: a value goes from the gateway into the output as it is stored, every digit of it. One
 * document; the elements of a list stand on a line each.
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

  /** The next elements, JSON texts. */
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
