/**
 * The short way for the requests that make up nearly all traffic: a POST of a valid document by a client that takes
 * plain JSON. It runs the same functions as Yoga's plug-ins and sends the same bytes, without the objects of the Fetch
 * API that Yoga builds for every request. Whatever is out of the ordinary is left to Yoga, which then reports it.
 */
import { execute, getOperationAST, type DocumentNode, type GraphQLSchema } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { type BoundedDocuments, DocumentCache } from "./documents.js";
import type { ExactVariables } from "./exact-variables.js";
import { finalErrors, paramsOf, type Exchange } from "./exchange.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { resultText } from "./result-text.js";

export class DirectExecution {
  readonly #schema: GraphQLSchema;
  readonly #variables: ExactVariables;
  readonly #checked: BoundedDocuments;
  readonly #persisted: PersistedDocuments | null;
  readonly #documents = new DocumentCache<DocumentNode | null>();

  constructor(
    schema: GraphQLSchema,
    variables: ExactVariables,
    checked: BoundedDocuments,
    persisted: PersistedDocuments | null,
  ) {
    this.#schema = schema;
    this.#variables = variables;
    this.#checked = checked;
    this.#persisted = persisted;
  }

  /** The body of a 200 in application/json; null, with nothing executed, when Yoga has to answer. */
  async textFor(exchange: Exchange): Promise<string | null> {
    const { method, headers } = exchange.incoming;
    if (method !== "POST" || !plainAccepts.has(headers.accept ?? "*/*")) return null;
    const params = await paramsOf(exchange, this.#persisted).catch(() => null);
    if (params === null || !isOrdinary(params)) return null;
    const document = this.#validDocument(params.query);
    const operation = document === null ? null : getOperationAST(document, params.operationName);
    if (document === null || operation == null || operation.operation === "subscription") return null;
    const result = await execute({
      schema: this.#schema,
      document,
      contextValue: exchange,
      operationName: params.operationName ?? null,
      variableValues: this.#variablesOf(document, params, exchange),
    });
    // Variables that do not fit: no resolver has run.
    if (result.data === undefined) return null;
    const errors = finalErrors(result.errors, exchange.log);
    return resultText({ ...result, ...(errors === undefined ? {} : { errors }) });
  }

  /** Null for a document that is wrong; Yoga says why. */
  #validDocument(text: string): DocumentNode | null {
    const known = this.#documents.get(text);
    if (known !== undefined) return known;
    const document = validDocument(text, this.#checked);
    this.#documents.set(text, document);
    return document;
  }

  #variablesOf(document: DocumentNode, { operationName, variables }: OrdinaryParams, exchange: Exchange) {
    if (variables == null || exchange.variablesText === null) return variables ?? null;
    return this.#variables.of(document, operationName, { parsed: variables, text: exchange.variablesText });
  }
}

function validDocument(text: string, documents: BoundedDocuments): DocumentNode | null {
  try {
    const document = documents.parse(text);
    return documents.validate(document).length === 0 ? document : null;
  } catch {
    return null;
  }
}

type OrdinaryParams = GraphQLParams & { readonly query: string };

/** What the clients in use send; anything finer is negotiated by Yoga. */
const plainAccepts: ReadonlySet<string> = new Set([
  "*/*",
  "application/json",
  "application/json, text/plain, */*",
  "application/json, */*",
]);

const ordinaryNames: ReadonlySet<string> = new Set(["query", "variables", "operationName", "extensions"]);

/** Parameters that Yoga would accept without a remark. */
function isOrdinary(params: GraphQLParams): params is OrdinaryParams {
  const { query, variables, operationName, extensions } = params;
  return (
    Object.keys(params).every((name) => ordinaryNames.has(name)) &&
    typeof query === "string" &&
    (operationName == null || typeof operationName === "string") &&
    isObjectOrNothing(variables) &&
    isObjectOrNothing(extensions)
  );
}

function isObjectOrNothing(value: unknown): boolean {
  return value == null || (typeof value === "object" && !Array.isArray(value));
}
