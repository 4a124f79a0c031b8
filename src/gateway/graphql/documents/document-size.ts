/**
 * Checks a parsed document against the bounds, before any step that costs more than reading it once. Fragments are
 * expanded as an execution would expand them, but only until a bound is exceeded, so that a short document that amounts
 * to millions of fields is refused after some thousand steps.
 */
import {
  Kind,
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { GatewayBounds } from "../../../core/bounds.js";
import { ShardgateError, type ErrorCode } from "../../../core/error.js";
import { introspectedItems, isIntrospection } from "./introspection.js";

/** Most pairs of fields and fragments that the validation of a document compares: about ten milliseconds. */
export const graphqlComparisonsMax = 20_000;

/**
 * Approximate number of facts of the schema that a document may request; the introspection query of usual tools
 * requests a third of it.
 */
const graphqlIntrospectedMax = 200_000;

/**
 * Throws the code of the first bound that `document` exceeds. The fragments of a document with fragment cycles are not
 * expanded.
 */
export function checkDocumentSize(document: DocumentNode, bounds: GatewayBounds): void {
  new DocumentSize(document, bounds).check();
}

/**
 * Whether a fragment contains itself, directly or not: such a document is invalid, and expanding it would never end.
 */
export function hasFragmentCycle(document: DocumentNode): boolean {
  const fragments = fragmentsOf(document);
  /** False while the fragments within it are being searched. */
  const isDone = new Map<string, boolean>();
  const leadsBack = (name: string): boolean => {
    const known = isDone.get(name);
    if (known !== undefined) return !known;
    isDone.set(name, false);
    const found = spreadsIn(fragments.get(name)?.selectionSet).some(leadsBack);
    isDone.set(name, true);
    return found;
  };
  return [...fragments.keys()].some(leadsBack);
}

class DocumentSize {
  readonly #document: DocumentNode;
  readonly #bounds: GatewayBounds;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #spread = new Set<string>();
  #aliases = 0;
  #directives = 0;
  #fields = 0;
  #comparisons = 0;
  #introspected = 0;

  constructor(document: DocumentNode, bounds: GatewayBounds) {
    this.#document = document;
    this.#bounds = bounds;
    this.#fragments = fragmentsOf(document);
  }

  check(): void {
    const { definitions } = this.#document;
    const { documentDefinitions } = this.#bounds;
    if (definitions.length > documentDefinitions) {
      throw tooMuch("DOCUMENT_TOO_LARGE", definitions.length, "operations and fragments", documentDefinitions);
    }
    for (const definition of definitions) this.#count(definition, 0);
    if (hasFragmentCycle(this.#document)) return;
    for (const definition of definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) this.#expandOperation(definition.selectionSet);
    }
    // Unused fragments are an error, but they are validated too.
    for (const definition of definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION && !this.#isSpread(definition)) {
        this.#expand([definition.selectionSet], 1);
      }
    }
  }

  /** Counts what the document contains as written. */
  #count(node: DefinitionNode | SelectionNode, depth: number): void {
    const { documentAliases, documentDepth, documentDirectives } = this.#bounds;
    if (depth > documentDepth) throw tooMany("DOCUMENT_TOO_DEEP", "levels of braces", documentDepth);
    this.#directives += node.directives?.length ?? 0;
    if (node.kind === Kind.OPERATION_DEFINITION) {
      for (const { directives = [] } of node.variableDefinitions ?? []) this.#directives += directives.length;
    }
    if (this.#directives > documentDirectives) {
      throw tooMuch("TOO_MANY_DIRECTIVES", this.#directives, "directives", documentDirectives);
    }
    if (node.kind === Kind.FIELD && node.alias !== undefined && ++this.#aliases > documentAliases) {
      throw tooMany("TOO_MANY_ALIASES", "aliases", documentAliases);
    }
    if (!("selectionSet" in node)) return;
    for (const selection of node.selectionSet?.selections ?? []) this.#count(selection, depth + 1);
  }

  /** When several fragments have the same name, which is an error, only one of them can be in use. */
  #isSpread(fragment: FragmentDefinitionNode): boolean {
    const name = fragment.name.value;
    return this.#spread.has(name) && this.#fragments.get(name) === fragment;
  }

  #expandOperation(selectionSet: SelectionSetNode): void {
    const { rootFields } = this.#bounds;
    const fields = this.#expand([selectionSet], 1);
    if (fields > rootFields) throw tooMuch("TOO_MANY_ROOT_FIELDS", fields, "root fields", rootFields);
  }

  /**
   * Counts the expansion of several selections of one object; returns how many members the object will have. `copies`:
   * how many such objects an introspection will return, 0 outside of an introspection.
   */
  #expand(selectionSets: readonly SelectionSetNode[], depth: number, copies = 0): number {
    const { documentDepth } = this.#bounds;
    if (depth > documentDepth) throw tooMany("DOCUMENT_TOO_DEEP", "levels of fields", documentDepth);
    const level: Level = { fields: new Map(), spreads: new Set() };
    for (const selectionSet of selectionSets) this.#collect(selectionSet, level);
    const members = [...level.fields.values()];
    this.#compare(members, level.spreads.size);
    this.#introspected += copies * members.length;
    if (this.#introspected > graphqlIntrospectedMax) {
      throw new ShardgateError(
        "TOO_MANY_FIELDS",
        "The document's introspection asks for too much of the schema at once.",
      );
    }
    for (const fields of members) {
      const inside = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (inside.length > 0) this.#expand(inside, depth + 1, copiesInside(fields, copies));
    }
    return members.length;
  }

  /** Collects fields as an execution does: each fragment once per object. */
  #collect({ selections }: SelectionSetNode, level: Level): void {
    for (const selection of selections) {
      if (++this.#fields > this.#bounds.documentFields) {
        throw tooMany("TOO_MANY_FIELDS", "fields, with fragments counted at each use", this.#bounds.documentFields);
      }
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const fields = level.fields.get(name);
        if (fields === undefined) level.fields.set(name, [selection]);
        else fields.push(selection);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        this.#collect(selection.selectionSet, level);
      } else if (!level.spreads.has(selection.name.value)) {
        const name = selection.name.value;
        level.spreads.add(name);
        this.#spread.add(name);
        const fragment = this.#fragments.get(name);
        if (fragment !== undefined) this.#collect(fragment.selectionSet, level);
      }
    }
  }

  /**
   * GraphQL's validation compares all pairs of fields with the same name, all pairs of fragments, and each field with
   * each fragment.
   */
  #compare(members: readonly (readonly FieldNode[])[], spreads: number): void {
    this.#comparisons += pairs(spreads) + spreads * members.length;
    for (const { length } of members) this.#comparisons += pairs(length);
    if (this.#comparisons <= graphqlComparisonsMax) return;
    throw new ShardgateError("TOO_MANY_FIELDS", "The document selects the same fields and fragments too often.");
  }
}

/** One object of the answer: its fields by response name, and the fragments that contributed fields. */
interface Level {
  readonly fields: Map<string, FieldNode[]>;
  readonly spreads: Set<string>;
}

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

function spreadsIn(selectionSet: SelectionSetNode | undefined): readonly string[] {
  return (selectionSet?.selections ?? []).flatMap((selection) =>
    selection.kind === Kind.FRAGMENT_SPREAD ? [selection.name.value] : spreadsIn(selection.selectionSet),
  );
}

function copiesInside([field]: readonly FieldNode[], copies: number): number {
  if (field === undefined) return 0;
  return copies === 0 ? Number(isIntrospection(field)) : copies * introspectedItems(field);
}

function pairs(count: number): number {
  return (count * (count - 1)) / 2;
}

function tooMuch(code: ErrorCode, count: number, what: string, max: number): ShardgateError {
  return new ShardgateError(code, `The document has ${count} ${what}; at most ${max} are allowed.`);
}

/** The error when a count exceeds its bound. */
function tooMany(code: ErrorCode, what: string, max: number): ShardgateError {
  return new ShardgateError(code, `The document has more than ${max} ${what}.`);
}
