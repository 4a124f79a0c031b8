/**
 * Executes the operations of one schema, however a request arrived: it caches documents with their plans, coerces
 * variables, refuses operations that cost too much, and reads keys ahead. An operation runs by its plan, or by
 * GraphQL.js if the plan does not support it. Another schema needs another executor.
 */
import { execute, getVariableValues, GraphQLError, type GraphQLSchema } from "graphql";
import type { GatewayBounds } from "../../../core/bounds.js";
import { costProblem } from "../../cost-problem.js";
import type { GraphqlContext } from "./context.js";
import type { DocumentRules } from "../documents/document-rules.js";
import { ExactVariables } from "../values/exact-variables.js";
import { requestDemand, type RequestDemand } from "./plan/request-demand.js";
import { OperationPlan } from "./plan/operation-plan.js";
import type { Variables } from "./plan/variable-values.js";
import { DocumentCache, PreparedDocument } from "./prepared-documents.js";
import type { Result } from "../values/result-text.js";

export interface ExecutorOptions {
  readonly bounds: GatewayBounds;
  readonly rules: DocumentRules;
  /** By default false; true runs everything by GraphQL.js, so that tests can compare the plans with it. */
  readonly isOracle?: boolean | undefined;
}

export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Variables | null | undefined;
  /** The text that the variables were parsed from; null when there are none. */
  readonly variablesText: (() => string) | null;
  /** Whether the operation may be a mutation. */
  readonly mayWrite: boolean;
}

export class Executor {
  readonly options: ExecutorOptions;
  readonly #schema: GraphQLSchema;
  readonly #variables: ExactVariables;
  readonly #documents = new DocumentCache<PreparedDocument>();

  constructor(schema: GraphQLSchema, options: ExecutorOptions) {
    this.options = options;
    this.#schema = schema;
    this.#variables = new ExactVariables(schema);
  }

  /** A result without `data` refuses the request as a whole: nothing was executed. */
  execute(request: OperationRequest, context: GraphqlContext): Result | Promise<Result> {
    const plan = this.#documentOf(request.query).planOf(request.operationName ?? null, request.mayWrite);
    if (!(plan instanceof OperationPlan)) return { errors: plan };
    const given = this.#given(plan, request);
    const variables = this.options.isOracle === true ? null : plan.coerce(given);
    if (variables === null) return this.#executeByGraphqlJs(plan, given, context);
    const { receipt, loaders } = context;
    const { cost, keys } = this.#demand(plan, variables, context);
    const refusal = this.#costRefusal(cost);
    if (refusal !== null) return refusal;
    trace(plan, context);
    // A receipt names the field that asked for a key, so each field must ask by itself.
    if (keys === null || receipt !== null) return plan.run(context, variables, receipt !== null);
    return loaders.readAhead(keys, () => plan.run(context, variables));
  }

  #documentOf(text: string): PreparedDocument {
    const known = this.#documents.get(text);
    if (known !== undefined) return known;
    const { bounds, rules } = this.options;
    const prepared = new PreparedDocument(text, this.#schema, bounds, rules);
    this.#documents.set(text, prepared);
    return prepared;
  }

  #given({ operation }: OperationPlan, { variables, variablesText }: OperationRequest): Variables {
    if (variables == null || variablesText === null) return variables ?? {};
    return this.#variables.of(operation, { parsed: variables, text: variablesText });
  }

  #demand(plan: OperationPlan, variables: Variables, { services }: GraphqlContext): RequestDemand {
    return requestDemand(plan, variables, {
      bounds: this.options.bounds,
      shardCount: services.membership.shardCount,
    });
  }

  #costRefusal(cost: number): Result | null {
    const problem = costProblem(cost, this.options.bounds);
    return problem === null ? null : { errors: [new GraphQLError(problem.message, { originalError: problem })] };
  }

  /** Also reports the errors of variables that do not fit their types. */
  #executeByGraphqlJs(plan: OperationPlan, given: Variables, context: GraphqlContext): Result | Promise<Result> {
    const schema = this.#schema;
    const { variableDefinitions = [], name } = plan.operation;
    const { coerced } = getVariableValues(schema, variableDefinitions, given, { maxErrors: 1 });
    const refusal = coerced === undefined ? null : this.#costRefusal(this.#demand(plan, coerced, context).cost);
    if (refusal !== null) return refusal;
    trace(plan, context);
    return execute({
      schema,
      document: plan.document,
      variableValues: given,
      operationName: name?.value,
      contextValue: context,
      hideSuggestions: !this.options.rules.areSuggestionsShown,
    });
  }
}

/** Attributes of OpenTelemetry's semantic conventions for GraphQL. The document is never traced. */
function trace({ operation: { operation, name } }: OperationPlan, { route }: GraphqlContext): void {
  route.span?.set({
    "graphql.operation.type": operation,
    ...(name !== undefined && { "graphql.operation.name": name.value }),
  });
}
