/**
 * One operation of a valid document, made ready to be run many times: what GraphQL.js finds out for every request (which
 * fields, which arguments, which types) is found out once. It gives the results and errors that GraphQL.js would, in the
 * same order. What it cannot do (introspection, above all) has no plan, and is left to GraphQL.js.
 */
import {
  getOperationAST,
  Kind,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { planConditionsMax } from "../../../core/limits.js";
import { Execution, type PlanResult } from "./execution.js";
import { RootSelection, type PlannedField, type PlanSource } from "./selection.js";
import { coercerOfVariables, type Variables, type VariablesCoercer } from "./variable-values.js";

export class OperationPlan {
  readonly operation: OperationDefinitionNode;
  /** The variables as resolvers get them; null when they do not fit, which GraphQL.js then explains. */
  readonly coerce: VariablesCoercer;
  readonly #source: PlanSource;
  /** The variables that decide which fields there are, with `@skip` and `@include`. */
  readonly #conditions: readonly string[];
  /** One for each combination of their values: within it, the fields are always the same. */
  readonly #roots = new Map<string, RootSelection>();

  /** Null for an operation that GraphQL.js has to run. */
  static of(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): OperationPlan | null {
    const operation = getOperationAST(document, operationName);
    if (operation == null || operation.operation === "subscription" || hasIntrospection(document)) return null;
    const conditions = conditionsIn(document);
    const coerce = coercerOfVariables(schema, operation);
    if (conditions.length > planConditionsMax || coerce === null) return null;
    return new OperationPlan(operation, coerce, { schema, fragments: fragmentsIn(document) }, conditions);
  }

  private constructor(
    operation: OperationDefinitionNode,
    coerce: VariablesCoercer,
    source: PlanSource,
    conditions: readonly string[],
  ) {
    this.operation = operation;
    this.coerce = coerce;
    this.#source = source;
    this.#conditions = conditions;
  }

  /** The fields at the operation's top, in their order. `variables`: from `coerce`. Throws a GraphQLError when a condition is null. */
  fieldsOf(variables: Variables): readonly PlannedField[] {
    return this.#rootFor(variables).fields(variables);
  }

  /** `variables`: from `coerce`. `tellsPaths`: resolvers get an `info` with their path. Never rejects for what one throws. */
  run<Context>(context: Context, variables: Variables, tellsPaths = false): PlanResult | Promise<PlanResult> {
    return new Execution(this.#source.schema, context, variables, tellsPaths).run(this.#rootFor(variables));
  }

  #rootFor(variables: Variables): RootSelection {
    const combination = this.#conditions.length === 0 ? "" : this.#combination(variables);
    let root = this.#roots.get(combination);
    if (root === undefined) this.#roots.set(combination, (root = new RootSelection(this.#source, this.operation)));
    return root;
  }

  #combination(variables: Variables): string {
    return this.#conditions.map((name) => String(variables[name])).join();
  }
}

function hasIntrospection(document: DocumentNode): boolean {
  let isThere = false;
  visit(document, {
    Field: ({ name }) => {
      if (name.value.startsWith("__") && name.value !== "__typename") isThere = true;
    },
  });
  return isThere;
}

function conditionsIn(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive: ({ name, arguments: nodes = [] }) => {
      if (name.value !== "skip" && name.value !== "include") return;
      for (const { value } of nodes) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}

function fragmentsIn(document: DocumentNode): Readonly<Record<string, FragmentDefinitionNode>> {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null) as Record<string, never>;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}
