/** Parses and validates GraphQL documents within bounds. */
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

/** Most positions in the document that a GraphQL error names: the two that conflict. */
const graphqlErrorPlacesMax = 2;

/** How much a gateway reveals of its schema. */
export interface DocumentRules {
  /** Whether `__schema` and `__type` are allowed; `__typename` always is. */
  readonly isIntrospectionEnabled: boolean;
  /** Whether errors contain "Did you mean", which names fields, arguments and types that the document did not. */
  readonly areSuggestionsShown: boolean;
}

export const openRules: DocumentRules = { isIntrospectionEnabled: true, areSuggestionsShown: true };

/** Throws a GraphQLError for a document that is not GraphQL or exceeds a bound. */
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
  // With a cycle, rules that follow fragments would do work that has not been counted.
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
  // Finding the line of an error counts lines. More lines than tokens serve no purpose.
  if (text.length > documentTokens && hasMoreLines(text, documentTokens)) throw tooManyTokens(documentTokens);
}

function refusalOf(error: unknown, source: DocumentSource, { documentTokens }: GatewayBounds): unknown {
  // The parser recurses for each level, and overflows the stack when there are too many.
  if (error instanceof RangeError) return graphqlError(tooDeep());
  if (error instanceof ShardgateError) return graphqlError(error);
  if (!(error instanceof GraphQLError)) return error;
  if (error.message.startsWith(parserGaveUp)) return graphqlError(tooManyTokens(documentTokens));
  // The parser's own message is not used: it quotes the document and makes suggestions.
  const [position = 0] = error.positions ?? [];
  const message = `The document is not GraphQL: ${textFault(source.text, position)}.`;
  return graphqlError(new ShardgateError("GRAPHQL_PARSE_FAILED", message), { source, positions: [position] });
}

/**
 * The position of an error in its document, as it is sent. Only the first of several positions: each requires a pass
 * over the text.
 */
export function placesOf({ source, positions }: GraphQLError): Pick<GraphQLErrorOptions, "source" | "positions"> {
  if (source === undefined || positions === undefined) return {};
  const readable = source instanceof DocumentSource ? new Source(source.text) : source;
  return { source: readable, positions: positions.slice(0, graphqlErrorPlacesMax) };
}

/**
 * GraphQL determines line and column of every error that it creates, reading the source from its start, even for the
 * thousands of errors in a long list that are never sent. After parsing this source is empty, so that there is nothing
 * to read.
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

/** The beginning of the parser's message when there are more tokens than allowed. */
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
