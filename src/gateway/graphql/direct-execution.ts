/**
 * The short way for the requests that make up nearly all traffic: a POST of a valid document by a client that takes
 * plain JSON. It runs the same functions as Yoga's plug-ins and sends the same bytes, without the objects of the Fetch
 * API that Yoga builds for every request. Whatever is out of the ordinary is left to Yoga, which then reports it.
 */
import type { DocumentNode, GraphQLSchema } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { type BoundedDocuments, DocumentCache } from "./documents.js";
import type { ExactVariables } from "./exact-variables.js";
import { finalMembers, paramsOf, traceOperation, type Exchange } from "./exchange.js";
import { keysAhead } from "./keys-ahead.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { OperationPlan } from "./plan/operation-plan.js";
import type { Variables } from "./plan/variable-values.js";
import { requestCostProblem } from "./request-cost.js";
import { resultPieces } from "./result-text.js";

export class DirectExecution {
  readonly #schema: GraphQLSchema;
  readonly #variables: ExactVariables;
  readonly #checked: BoundedDocuments;
  readonly #persisted: PersistedDocuments | null;
  readonly #documents = new DocumentCache<PlannedDocument>();

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

  /** The body of a 200 in application/json, in pieces; null, with nothing executed, when Yoga has to answer. */
  async piecesFor(exchange: Exchange): Promise<readonly string[] | null> {
    const { method, headers } = exchange.incoming;
    if (method !== "POST" || !plainAccepts.has(headers.accept ?? "*/*")) return null;
    let params: GraphQLParams;
    try {
      params = await paramsOf(exchange, this.#persisted);
    } catch {
      // Yoga says why.
      return null;
    }
    if (!isOrdinary(params)) return null;
    const { operationName } = params;
    const planned = this.#document(params.query);
    const plan = planned.planOf(operationName ?? null);
    const variables = plan === null ? null : plan.coerce(this.#variablesOf(plan, params, exchange));
    const { document } = planned;
    if (document === null || plan === null || variables === null) return null;
    const { bounds, membership } = exchange.services;
    const { shardCount } = membership;
    const ahead = exchange.receipt === null ? keysAhead(plan, variables, bounds.batchKeys) : null;
    const isCheap = ahead !== null && ahead.cost <= bounds.requestCost;
    if (!isCheap && requestCostProblem({ document, operationName, variables }, bounds, shardCount) !== null)
      return null;
    traceOperation(exchange, plan.operation);
    if (ahead !== null && ahead.keys.length > 0) await exchange.loaders.readAhead(ahead.keys);
    const run = plan.run(exchange, variables, exchange.receipt !== null);
    const { errors, data } = run instanceof Promise ? await run : run;
    return resultPieces({ data, ...finalMembers(errors, exchange) });
  }

  #document(text: string): PlannedDocument {
    let document = this.#documents.get(text);
    if (document === undefined) {
      document = new PlannedDocument(this.#schema, validDocument(text, this.#checked));
      this.#documents.set(text, document);
    }
    return document;
  }

  #variablesOf({ operation }: OperationPlan, { variables }: OrdinaryParams, exchange: Exchange): Variables {
    if (variables == null || exchange.variablesText === null) return variables ?? {};
    return this.#variables.of(operation, { parsed: variables, text: exchange.variablesText });
  }
}

/** A document's plans, each made when its operation first comes. */
class PlannedDocument {
  /** Null for a document that is wrong; Yoga says why. */
  readonly document: DocumentNode | null;
  readonly #schema: GraphQLSchema;
  readonly #plans = new Map<string | null, OperationPlan>();

  constructor(schema: GraphQLSchema, document: DocumentNode | null) {
    this.#schema = schema;
    this.document = document;
  }

  planOf(operationName: string | null): OperationPlan | null {
    const known = this.#plans.get(operationName);
    if (known !== undefined || this.document === null) return known ?? null;
    const plan = OperationPlan.of(this.#schema, this.document, operationName);
    if (plan !== null) this.#plans.set(operationName, plan);
    return plan;
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
