/** Parsing and validating GraphQL documents within bounds. */
import {
  GraphQLError,
  NoFragmentCyclesRule,
  parse,
  Source,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLErrorOptions,
  type GraphQLSchema,
} from "graphql";
import type { GatewayBounds } from "../../../core/bounds.js";
import { ShardgateError } from "../../../core/error.js";
import { utf8Bytes } from "../../../core/key.js";
import { textFault } from "../../../core/text/text-fault.js";
import { graphqlDocumentErrorsMax } from "../../../core/limits.js";
import { checkDocumentSize, hasFragmentCycle } from "./document-size.js";
import { hasIntrospection } from "./introspection.js";

/** Most places in the document that a GraphQL error names: the two that contradict each other. */
const graphqlErrorPlacesMax = 2;

/** What a gateway tells of its schema. */
export interface DocumentRules {
  /** `__schema` and `__type`; `__typename` is always there. */
  readonly isIntrospectionEnabled: boolean;
  /** "Did you mean": messages that name fields, arguments and types that the document did not. */
  readonly areSuggestionsShown: boolean;
}

export const openRules: DocumentRules = { isIntrospectionEnabled: true, areSuggestionsShown: true };

/** Throws a GraphQLError for a document that is no GraphQL, or passes a bound. */
export function parseDocument(text: string, bounds: GatewayBounds): DocumentNode {
  const source = new DocumentSource(text);
  try {
    checkText(text, bounds);
    const document = parse(source, { maxTokens: bounds.documentTokens });
    checkDocumentSize(document, bounds);
    source.hide();
    return document;
  } catch (error) {
    throw refusalOf(error, source, bounds);
  }
}

/** As GraphQL's own `validate`, with GRAPHQL_VALIDATION_FAILED or INTROSPECTION_DISABLED. */
export function validateDocument(
  schema: GraphQLSchema,
  document: DocumentNode,
  { isIntrospectionEnabled, areSuggestionsShown }: DocumentRules,
): readonly GraphQLError[] {
  if (!isIntrospectionEnabled && hasIntrospection(document)) {
    return [graphqlError(new ShardgateError("INTROSPECTION_DISABLED", "Introspection is disabled on this gateway."))];
  }
  // What follows the fragments of all others would have no end that was counted.
  const rules = hasFragmentCycle(document) ? [NoFragmentCyclesRule] : specifiedRules;
  const options = { maxErrors: graphqlDocumentErrorsMax, hideSuggestions: !areSuggestionsShown };
  const errors = validate(schema, document, rules, options);
  for (const { extensions } of errors) extensions["code"] ??= "GRAPHQL_VALIDATION_FAILED";
  return errors;
}

function checkText(text: string, { documentBytes, documentTokens }: GatewayBounds): void {
  if (text.length > documentBytes || utf8Bytes(text) > documentBytes) {
    throw new ShardgateError("DOCUMENT_TOO_LARGE", `The document is longer than ${documentBytes} bytes.`);
  }
  // Finding an error's line counts lines. More of them than tokens are of no use.
  if (text.length > documentTokens && hasMoreLines(text, documentTokens)) throw tooManyTokens(documentTokens);
}

function refusalOf(error: unknown, source: DocumentSource, { documentTokens }: GatewayBounds): unknown {
  // The parser calls itself for each level, and the stack is finite.
  if (error instanceof RangeError) return graphqlError(tooDeep());
  if (error instanceof ShardgateError) return graphqlError(error);
  if (!(error instanceof GraphQLError)) return error;
  if (error.message.startsWith(parserGaveUp)) return graphqlError(tooManyTokens(documentTokens));
  // In our words: the parser's quote the document, and tell what it may have meant.
  const [position = 0] = error.positions ?? [];
  const message = `The document is not GraphQL: ${textFault(source.text, position)}.`;
  return graphqlError(new ShardgateError("GRAPHQL_PARSE_FAILED", message), { source, positions: [position] });
}

/** Where in its document an error is, for the one that is sent. Of many places the first: each costs a look at the text. */
export function placesOf({ source, positions }: GraphQLError): Pick<GraphQLErrorOptions, "source" | "positions"> {
  if (source === undefined || positions === undefined) return {};
  const readable = source instanceof DocumentSource ? new Source(source.text) : source;
  return { source: readable, positions: positions.slice(0, graphqlErrorPlacesMax) };
}

/**
 * GraphQL finds out line and column for every error it makes, reading the source from its start, also for the thousands
 * of errors of a long list that nobody gets to see. Once the document is parsed, there is nothing to read.
 */
class DocumentSource extends Source {
  readonly text: string;

  constructor(text: string) {
    super(text);
    this.text = text;
  }

  hide(): void {
    this.body = "";
  }
}

/** How the parser's message begins when there are more tokens than it was told. */
const parserGaveUp = "Syntax Error: Document contains more tha";

function hasMoreLines(text: string, linesMax: number): boolean {
  const ends = text.matchAll(/\r\n|[\n\r]/g);
  for (let lines = 0; lines < linesMax; lines++) if (ends.next().done === true) return false;
  return true;
}

function tooManyTokens(max: number): ShardgateError {
  return new ShardgateError("DOCUMENT_TOO_LARGE", `The document has more than ${max} tokens or lines.`);
}

function tooDeep(): ShardgateError {
  return new ShardgateError("DOCUMENT_TOO_DEEP", "The document is nested too deeply.");
}

function graphqlError(error: ShardgateError, place: GraphQLErrorOptions = {}): GraphQLError {
  return new GraphQLError(error.message, { ...place, originalError: error });
}
