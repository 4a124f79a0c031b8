/** What was made of the documents that are likely to come again. */
import { graphqlDocumentCachedCharactersMax, graphqlDocumentsCachedMax } from "../../core/limits.js";

/** Remembers something by a document's text; forgets what was not asked for the longest. */
export class DocumentCache<T> {
  /** The one that was asked for last comes last. */
  readonly #kept = new Map<string, T>();
  #last: { readonly text: string; readonly value: T } | null = null;

  get(text: string): T | undefined {
    if (this.#last?.text === text) return this.#last.value;
    const value = this.#kept.get(text);
    if (value === undefined) return undefined;
    this.#kept.delete(text);
    this.#kept.set(text, value);
    this.#last = { text, value };
    return value;
  }

  set(text: string, value: T): void {
    if (text.length > graphqlDocumentCachedCharactersMax) return;
    this.#kept.set(text, value);
    this.#last = { text, value };
    if (this.#kept.size <= graphqlDocumentsCachedMax) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }
}
