/**
 * What a request will ask of the storage nodes, in keys and shards, known from its operation and variables alone: so one
 * that asks too much is refused whole, before a storage node is called and before the first of its writes. Only fields
 * at the top of an operation ask for keys, and the lengths of their lists stand in the document or in the variables.
 */
import {
  getOperationAST,
  Kind,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
  type VariableDefinitionNode,
} from "graphql";
import type { GatewayBounds } from "../../core/bounds.js";
import type { ShardgateError } from "../../core/error.js";
import { pageEntriesDefault } from "../../core/limits.js";
import { costProblem } from "../cost-problem.js";

/** An operation of a valid document, and its variables as they came or as they were coerced. */
export interface CostlyRequest {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** REQUEST_TOO_COSTLY; null when the request may be executed, or will be refused for another reason. */
export function requestCostProblem(
  request: CostlyRequest,
  bounds: GatewayBounds,
  shardCount: number,
): ShardgateError | null {
  return costProblem(requestCost(request, bounds, shardCount), bounds);
}

/** A key, an ID, an item of a batch or an entry of a page costs 1, and so does each shard that a page is put together of. */
export function requestCost(request: CostlyRequest, bounds: GatewayBounds, shardCount: number): number {
  const operation = getOperationAST(request.document, request.operationName);
  if (operation == null) return 0;
  const reader = new RequestReader(request, operation.variableDefinitions ?? []);
  let cost = 0;
  for (const fields of reader.members([operation.selectionSet])) {
    const [field] = fields;
    if (field?.name.value === "scan") cost += costOfScan(fields, field, reader, { bounds, shardCount });
    else if (field !== undefined) cost += withinOrNone(costOfKeys(field, reader), bounds.batchKeys);
  }
  return cost;
}

function costOfKeys(field: FieldNode, reader: RequestReader): number {
  switch (field.name.value) {
    case "get":
    case "node":
    case "put":
    case "delete":
      return 1;
    case "entries":
      return reader.length(field, "keys");
    case "nodes":
      return reader.length(field, "ids");
    case "putMany":
    case "deleteMany":
      return reader.length(field, "items");
    default:
      return 0;
  }
}

/** Every shard is asked for its part of the page, and once more when somebody wants to know what lies behind its start. */
function costOfScan(
  fields: readonly FieldNode[],
  field: FieldNode,
  reader: RequestReader,
  { bounds, shardCount }: { readonly bounds: GatewayBounds; readonly shardCount: number },
): number {
  const last = reader.number(field, "last");
  const count = reader.number(field, "first") ?? last ?? Math.min(pageEntriesDefault, bounds.pageEntries);
  if (withinOrNone(count, bounds.pageEntries) !== count) return 0;
  const page = count + shardCount;
  const isForward = last === null;
  const [start, question] = isForward ? (["after", "hasPreviousPage"] as const) : (["before", "hasNextPage"] as const);
  const isAsked = reader.inside(reader.inside(fields, "pageInfo"), question).length > 0;
  return isAsked && reader.value(field, start) !== null ? page + 1 + shardCount : page;
}

/** A field that asks for more than one field may is refused by itself, and asks no storage node. */
function withinOrNone(count: number, max: number): number {
  return count >= 0 && count <= max ? count : 0;
}

/** Reads fields and arguments as an execution would, as far as the cost depends on them. */
class RequestReader {
  readonly #request: CostlyRequest;
  readonly #defaults: ReadonlyMap<string, ValueNode | undefined>;

  constructor(request: CostlyRequest, definitions: readonly VariableDefinitionNode[]) {
    this.#request = request;
    this.#defaults = new Map(definitions.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]));
  }

  /** The fields of one object of the answer, together when they make one member of it; each fragment once. */
  members(selectionSets: readonly SelectionSetNode[]): readonly (readonly FieldNode[])[] {
    const members = new Map<string, FieldNode[]>();
    const seen = new Set<string>();
    const collect = (selection: SelectionNode): void => {
      if (!this.#isIncluded(selection)) return;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const known = members.get(name);
        if (known === undefined) members.set(name, [selection]);
        else known.push(selection);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) selection.selectionSet.selections.forEach(collect);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        this.#fragment(selection.name.value)?.selections.forEach(collect);
      }
    };
    for (const { selections } of selectionSets) selections.forEach(collect);
    return [...members.values()];
  }

  /** The fields of this name in the objects that `fields` are. */
  inside(fields: readonly FieldNode[], name: string): readonly FieldNode[] {
    const selectionSets = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
    return this.members(selectionSets)
      .flat()
      .filter((field) => field.name.value === name);
  }

  /** Of a list argument. A single value stands for a list of one (GraphQL specification, 3.11, input coercion). */
  length(field: FieldNode, name: string): number {
    const value = this.value(field, name);
    if (Array.isArray(value)) return value.length;
    return value === null ? 0 : 1;
  }

  /** Null when the argument has none. */
  number(field: FieldNode, name: string): number | null {
    const value = this.value(field, name);
    return typeof value === "number" ? value : null;
  }

  /** Null when the argument is not given. What a list or an object in the document holds is left as it is. */
  value({ arguments: given = [] }: FieldNode | DirectiveNode, name: string): unknown {
    return this.#read(given.find((argument) => argument.name.value === name)?.value);
  }

  #read(node: ValueNode | undefined): unknown {
    switch (node?.kind) {
      case undefined:
      case Kind.NULL:
        return null;
      case Kind.VARIABLE: {
        const { variables } = this.#request;
        const name = node.name.value;
        const given = variables != null && Object.hasOwn(variables, name) ? variables[name] : undefined;
        return given === undefined ? this.#read(this.#defaults.get(name)) : given;
      }
      case Kind.INT:
        return Number(node.value);
      case Kind.BOOLEAN:
        return node.value;
      case Kind.LIST:
        return node.values;
      default:
        return node;
    }
  }

  #isIncluded({ directives = [] }: SelectionNode): boolean {
    return directives.every((directive) => {
      if (directive.name.value === "skip") return this.value(directive, "if") !== true;
      return directive.name.value !== "include" || this.value(directive, "if") !== false;
    });
  }

  #fragment(name: string): SelectionSetNode | undefined {
    const { definitions } = this.#request.document;
    const fragment = definitions.find(
      (definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION ? fragment.selectionSet : undefined;
  }
}
