/**
 * The selection of an object as a list of fields for each possible type, created when the type first occurs. GraphQL.js
 * merges the selections, so that its rules for fragments, conditions and order apply.
 */
import {
  getNullableType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLFieldResolver,
  type GraphQLLeafType,
  type GraphQLNullableType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  TypeNameMetaFieldDef,
} from "graphql";
import { collectFields, collectSubfields } from "graphql/execution/collectFields.js";
import { getFieldDef } from "graphql/execution/execute.js";
import { demandOf, type FieldDemand } from "./field-demand.js";
import { argumentsReader, type ArgumentsReader } from "./field-arguments.js";
import type { Variables } from "./variable-values.js";

/** The schema and fragments that selections are created from. */
export interface PlanSource {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
}

/** One field of a response. */
export interface PlannedField {
  readonly responseName: string;
  /** The response name as JSON, and a colon. */
  readonly prefix: string;
  /** The field's name in the schema, in the type `parent`. */
  readonly name: string;
  readonly parent: GraphQLObjectType;
  /** All occurrences of the field in the document. */
  readonly nodes: readonly FieldNode[];
  /** Null for a field without a resolver, which reads the property of its name. */
  readonly resolve: GraphQLFieldResolver<unknown, unknown> | null;
  /** Null for a field that reads nothing from storage nodes. */
  readonly demand: FieldDemand<never> | null;
  readonly argumentsIn: ArgumentsReader;
  readonly shape: Shape;
}

/** The type of a field or list item, in the form that completion needs. */
export type Shape = { readonly isNonNull: boolean } & (
  | { readonly kind: "leaf"; readonly type: GraphQLLeafType }
  | { readonly kind: "list"; readonly item: Shape }
  | { readonly kind: "object"; readonly type: GraphQLObjectType; readonly selection: Selection }
  | { readonly kind: "abstract"; readonly type: GraphQLAbstractType; readonly selection: Selection }
);

/** The subfields of a field. */
export class Selection {
  readonly #source: PlanSource;
  readonly #nodes: readonly FieldNode[];
  readonly #fields = new Map<GraphQLObjectType, readonly PlannedField[]>();

  constructor(source: PlanSource, nodes: readonly FieldNode[]) {
    this.#source = source;
    this.#nodes = nodes;
  }

  /** Throws a GraphQLError when a condition is null. */
  fieldsOf(type: GraphQLObjectType, variables: Variables): readonly PlannedField[] {
    const known = this.#fields.get(type);
    if (known !== undefined) return known;
    const { schema, fragments } = this.#source;
    const fields = plannedFields(this.#source, type, collectSubfields(schema, fragments, variables, type, this.#nodes));
    this.#fields.set(type, fields);
    return fields;
  }
}

/** The fields of an operation. */
export class RootSelection {
  readonly isSerial: boolean;
  readonly #source: PlanSource;
  readonly #operation: OperationDefinitionNode;
  #fields: readonly PlannedField[] | null = null;

  constructor(source: PlanSource, operation: OperationDefinitionNode) {
    this.#source = source;
    this.#operation = operation;
    this.isSerial = operation.operation === "mutation";
  }

  /** As `Selection.fieldsOf`. */
  fields(variables: Variables): readonly PlannedField[] {
    if (this.#fields !== null) return this.#fields;
    const { schema, fragments } = this.#source;
    const { operation, selectionSet } = this.#operation;
    const type = schema.getRootType(operation);
    if (type == null) throw new Error(`A valid document has a ${operation}, and the schema has none.`);
    const collected = collectFields(schema, fragments, variables, type, selectionSet);
    return (this.#fields = plannedFields(this.#source, type, collected));
  }
}

function plannedFields(
  source: PlanSource,
  parent: GraphQLObjectType,
  collected: ReadonlyMap<string, readonly FieldNode[]>,
): readonly PlannedField[] {
  return [...collected].flatMap(([responseName, nodes]) => {
    const [node] = nodes;
    return node === undefined ? [] : [plannedField(source, parent, responseName, nodes, node)];
  });
}

function plannedField(
  source: PlanSource,
  parent: GraphQLObjectType,
  responseName: string,
  nodes: readonly FieldNode[],
  node: FieldNode,
): PlannedField {
  const name = node.name.value;
  const field = getFieldDef(source.schema, parent, node);
  if (field == null) throw new Error(`A valid document asks for ${parent.name}.${name}, which does not exist.`);
  return {
    responseName,
    prefix: `${JSON.stringify(responseName)}:`,
    name,
    parent,
    nodes,
    resolve: field === TypeNameMetaFieldDef ? () => parent.name : (field.resolve ?? null),
    demand: demandOf(field),
    argumentsIn: argumentsReader(field, node),
    shape: shapeOf(field.type, new Selection(source, nodes)),
  };
}

function shapeOf(type: GraphQLOutputType, selection: Selection): Shape {
  const isNonNull = isNonNullType(type);
  const nullable: GraphQLNullableType & GraphQLOutputType = getNullableType(type);
  if (isListType(nullable)) return { kind: "list", isNonNull, item: shapeOf(nullable.ofType, selection) };
  if (isLeafType(nullable)) return { kind: "leaf", isNonNull, type: nullable };
  if (isAbstractType(nullable)) return { kind: "abstract", isNonNull, type: nullable, selection };
  return { kind: "object", isNonNull, type: nullable, selection };
}
