/** The fields by which a document asks for the schema itself (GraphQL specification, 4.2), and how long their lists get. */
import { Kind, type DocumentNode, type FieldNode, type SelectionSetNode } from "graphql";

/** Whether the document has such a field anywhere; only at the top of a query they are valid. */
export function hasIntrospection({ definitions }: DocumentNode): boolean {
  return definitions.some((definition) => "selectionSet" in definition && isIn(definition.selectionSet));
}

export function isIntrospection({ name }: FieldNode): boolean {
  return name.value === "__schema" || name.value === "__type";
}

/** About how many items a field inside of an introspection has; generously, since nobody pays for them one by one. */
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
