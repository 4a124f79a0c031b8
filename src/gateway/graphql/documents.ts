/** Parsing and validating GraphQL documents within bounds, and keeping those that are likely to come again. */
import { GraphQLError, type GraphQLSchema, parse, validate, type DocumentNode, type Source } from "graphql";
import type { GatewayBounds } from "../../core/bounds.js";
import { graphqlDocumentCachedCharactersMax, graphqlDocumentsCachedMax } from "../../core/limits.js";

export class BoundedDocuments {
  readonly #schema: GraphQLSchema;
  readonly #bounds: GatewayBounds;

  constructor(schema: GraphQLSchema, bounds: GatewayBounds) {
    this.#schema = schema;
    this.#bounds = bounds;
  }

  /** Throws a GraphQLError for a document that is wrong, has too many tokens, or nests too deep for the parser. */
  parse(source: string | Source): DocumentNode {
    try {
      return parse(source, { maxTokens: this.#bounds.documentTokens });
    } catch (error) {
      // The parser calls itself for each level, and the stack is finite.
      if (error instanceof RangeError) throw new GraphQLError("Syntax Error: The document is nested too deep.");
      throw error;
    }
  }

  /** As GraphQL's own `validate`; a document whose fragments nest too deep for it is wrong, too. */
  validate(document: DocumentNode): readonly GraphQLError[] {
    try {
      return validate(this.#schema, document);
    } catch (error) {
      // Fragments are followed from one to the next by functions that call themselves.
      if (!(error instanceof RangeError)) throw error;
      const extensions = { code: "GRAPHQL_VALIDATION_FAILED" };
      return [new GraphQLError("The document's fragments are nested too deep.", { extensions })];
    }
  }
}

/** Remembers something by a document's text; forgets what was not asked for the longest. */
export class DocumentCache<T> {
  readonly #kept = new Map<string, T>();

  get(text: string): T | undefined {
    const value = this.#kept.get(text);
    if (value === undefined) return undefined;
    this.#kept.delete(text);
    this.#kept.set(text, value);
    return value;
  }

  set(text: string, value: T): void {
    if (text.length > graphqlDocumentCachedCharactersMax) return;
    this.#kept.set(text, value);
    if (this.#kept.size <= graphqlDocumentsCachedMax) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }
}
