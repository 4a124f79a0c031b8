/**
 * One operation of a valid document, prepared to be run many times: what GraphQL.js determines for every request
 * (fields, arguments and types) is determined once. The results and errors are those of GraphQL.js, in the same order.
 * Operations with unsupported features, above all introspection, are marked as not runnable and left to GraphQL.js.
 */
import {
  Kind,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { hasIntrospection } from "../../documents/introspection.js";
import { Execution, type PlanResult } from "./execution.js";
import { RootSelection, type PlannedField, type PlanSource } from "./selection.js";
import { coercerOfVariables, type Variables, type VariablesCoercer } from "./variable-values.js";

/**
 * Most variables in conditions (`@skip`, `@include`) of a planned document, which has a plan for each combination of
 * their values.
 */
export const planConditionsMax = 4;

export class OperationPlan {
  readonly operation: OperationDefinitionNode;
  readonly document: DocumentNode;
  /**
   * The variables as resolvers get them; null when GraphQL.js must run the operation, because it is not runnable or the
   * variables do not fit their types.
   */
  readonly coerce: VariablesCoercer;
  readonly #source: PlanSource;
  /** The variables in `@skip` and `@include`, which decide which fields there are. */
  readonly #conditions: readonly string[];
  /** One for each combination of their values: with the same combination, the fields are always the same. */
  readonly #roots = new Map<string, RootSelection>();

  /** `operation`: a query or mutation of `document`, which must be valid. */
  constructor(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) {
    this.operation = operation;
    this.document = document;
    this.#source = { schema, fragments: fragmentsIn(document) };
    this.#conditions = conditionsIn(document);
    const isRunnable = this.#conditions.length <= planConditionsMax && !hasIntrospection(document);
    this.coerce = (isRunnable ? coercerOfVariables(schema, operation) : null) ?? leftToGraphqlJs;
  }

  /**
   * The operation's top-level fields, in order. `variables`: coerced. Throws a GraphQLError when a condition is null.
   */
  fieldsOf(variables: Variables): readonly PlannedField[] {
    return this.#rootFor(variables).fields(variables);
  }

  /**
   * `variables`: from `coerce`. `tellsPaths`: whether resolvers get an `info` with their path. Errors of resolvers do
   * not reject.
   */
  run<Context>(context: Context, variables: Variables, tellsPaths = false): PlanResult | Promise<PlanResult> {
    return new Execution(this.#source.schema, context, variables, tellsPaths).run(this.#rootFor(variables));
  }

  #rootFor(variables: Variables): RootSelection {
    const combination = this.#conditions.length === 0 ? "" : this.#combination(variables);
    let root = this.#roots.get(combination);
    if (root !== undefined) return root;
    root = new RootSelection(this.#source, this.operation);
    // Many conditions would have too many combinations to keep.
    if (this.#conditions.length <= planConditionsMax) this.#roots.set(combination, root);
    return root;
  }

  #combination(variables: Variables): string {
    return this.#conditions.map((name) => String(variables[name])).join();
  }
}

function leftToGraphqlJs(): null {
  return null;
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
