/**
 * The fields with which a document queries the schema itself (GraphQL specification, 4.2), and the lengths of their
 * lists.
 */
import { Kind, type DocumentNode, type FieldNode, type SelectionSetNode } from "graphql";

/** Whether the document has such a field anywhere; it is valid only at the top of a query. */
export function hasIntrospection({ definitions }: DocumentNode): boolean {
  return definitions.some((definition) => "selectionSet" in definition && isIn(definition.selectionSet));
}

export function isIntrospection({ name }: FieldNode): boolean {
  return name.value === "__schema" || name.value === "__type";
}

/**
 * The approximate number of items of a field within an introspection, rounded up, because their cost is not counted one
 * by one.
 */
export function introspectedItems({ name }: FieldNode): number {
  return listLengths.get(name.value) ?? 1;
}

const listLengths: ReadonlyMap<string, number> = new Map([
  ["types", 64],
  ["directives", 8],
  ["fields", 8],
  ["inputFields", 4],
  ["args", 4],
  ["enumValues", 4],
  ["interfaces", 2],
  ["possibleTypes", 8],
]);

function isIn({ selections }: SelectionSetNode): boolean {
  return selections.some((selection) => {
    if (selection.kind === Kind.FIELD && isIntrospection(selection)) return true;
    return "selectionSet" in selection && selection.selectionSet !== undefined && isIn(selection.selectionSet);
  });
}
