/**
 * The names under which a session's server prepares statements, so that each is parsed once per session. The first use of a
 * text has none: statements that are sent once, or whose table is missing, are not worth it.
 */

export class PreparedNames {
  readonly #names = new Map<string, string | undefined>();
  #given = 0;

  nameOf(text: string): string | undefined {
    if (!this.#names.has(text)) {
      if (this.#names.size < textsMax) this.#names.set(text, undefined);
      return undefined;
    }
    const name = this.#names.get(text) ?? `s${++this.#given}`;
    this.#names.set(text, name);
    return name;
  }

  /** The text is prepared under another name when it is used again. */
  forget(text: string): void {
    this.#names.delete(text);
  }
}

/** Each costs memory in the server for as long as the session lasts. Callers have a few dozen fixed texts. */
const textsMax = 200;
