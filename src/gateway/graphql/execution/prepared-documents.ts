/** Documents prepared for one schema, and the cache of those that are likely to be sent again. */
import { getOperationAST, GraphQLError, type DocumentNode, type GraphQLSchema } from "graphql";
import type { GatewayBounds } from "../../../core/bounds.js";
import { parseDocument, validateDocument, type DocumentRules } from "../documents/document-rules.js";
import { OperationPlan } from "./plan/operation-plan.js";

/** Most parsed GraphQL documents that are cached. */
export const graphqlDocumentsCachedMax = 500;

/** Longest GraphQL document that is cached; longer ones contain literal values and are not sent twice. */
export const graphqlDocumentCachedCharactersMax = 8 * 1024;

/** A document's errors, or the plans of its operations, each created when it is first requested. */
export class PreparedDocument {
  /** Null for a text that is not GraphQL. */
  readonly #document: DocumentNode | null;
  readonly #schema: GraphQLSchema;
  readonly #errors: readonly GraphQLError[];
  readonly #plans = new Map<string | null, OperationPlan>();

  constructor(text: string, schema: GraphQLSchema, bounds: GatewayBounds, rules: DocumentRules) {
    this.#schema = schema;
    try {
      this.#document = parseDocument(text, bounds);
      this.#errors = validateDocument(schema, this.#document, rules);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      this.#document = null;
      this.#errors = [error];
    }
  }

  /**
   * The plan of the named operation, or of the only one; or the errors that refuse it. `mayWrite`: whether it may be a
   * mutation.
   */
  planOf(operationName: string | null, mayWrite: boolean): OperationPlan | readonly GraphQLError[] {
    const known = this.#plans.get(operationName);
    if (known !== undefined && mayWrite) return known;
    if (this.#document === null) return this.#errors;
    const operation = getOperationAST(this.#document, operationName);
    if (operation == null) return [refusal("Could not determine what operation to execute.")];
    if (operation.operation === "mutation" && !mayWrite) return [mutationByGet()];
    if (this.#errors.length > 0) return this.#errors;
    if (operation.operation === "subscription") return [refusal("The schema has no subscriptions.")];
    const plan = known ?? new OperationPlan(this.#schema, this.#document, operation);
    this.#plans.set(operationName, plan);
    return plan;
  }
}

/** Caches values by a document's text; drops the least recently used. */
export class DocumentCache<T> {
  /** In order of use, the most recently used last. */
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

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_REQUEST" } });
}

/** GraphQL over HTTP, 5.1: GET must not change anything. */
function mutationByGet(): GraphQLError {
  const http = { status: 405, headers: { Allow: "POST" } };
  return new GraphQLError("Can only perform a mutation operation from a POST request.", { extensions: { http } });
}
