/**
 * Persisted documents (GraphQL over HTTP, appendix A): a request names a document that the gateway has, instead of
 * sending it. The manifest is the one that GraphQL Code Generator's client-preset writes: a JSON object of texts.
 */
import { createHash } from "node:crypto";
import { GraphQLError, type DocumentNode, type GraphQLSchema } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { defaultBounds, type GatewayBounds } from "../../../core/bounds.js";
import { ShardgateError, type ErrorCode } from "../../../core/error.js";
import { jsonFault } from "../../../core/text/json-fault.js";
import { openRules, parseDocument, placesOf, validateDocument } from "../documents/document-rules.js";
import type { RequestParams } from "./request-params.js";
import { createExecutableSchema } from "../schema.js";

/** Characters of an unknown document's id that the message repeats: a prefix and a SHA-256 in hexadecimal fit. */
const documentIdCharactersShown = 80;

export interface PersistedDocuments {
  /** Texts by document id. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether requests with documents of their own are refused. */
  readonly isOnly: boolean;
}

/**
 * The documents of a manifest, by their id there and by their SHA-256, with and without the prefix `sha256:`. Throws
 * BAD_REQUEST, or the code of a document that cannot be executed; the message names the document.
 */
export function parsePersistedDocuments(
  manifestText: string,
  bounds: GatewayBounds = defaultBounds,
): PersistedDocuments["texts"] {
  const schema = createExecutableSchema();
  const texts = new Map<string, string>();
  for (const [id, text] of manifestEntries(manifestText)) {
    checkDocument(id, text, schema, bounds);
    const hash = createHash("sha256").update(text).digest("hex");
    if (id.startsWith("sha256:") && id !== `sha256:${hash}`) {
      throw new ShardgateError("BAD_REQUEST", `The id of document ${id} does not match its hash, sha256:${hash}.`);
    }
    for (const name of [hash, `sha256:${hash}`, id]) texts.set(name, text);
  }
  return texts;
}

/** The parameters with `query` in place of `documentId`. Throws BAD_REQUEST and the two PERSISTED_DOCUMENT codes. */
export function executableParams(given: RequestParams, documents: PersistedDocuments | null): GraphQLParams {
  // Nearly all requests contain their documents; copying their parameters would be a waste.
  if (documents?.isOnly !== true && !Object.hasOwn(given, "documentId")) return given;
  const { documentId, ...params } = given;
  const isOwn = params.query !== undefined && params.query !== null;
  if (documentId === undefined || documentId === null) {
    if (documents?.isOnly !== true) return params;
    throw new ShardgateError("PERSISTED_DOCUMENT_REQUIRED", "This gateway runs only persisted documents.");
  }
  if (typeof documentId !== "string") throw new ShardgateError("BAD_REQUEST", "`documentId` must be a string.");
  if (isOwn) throw new ShardgateError("BAD_REQUEST", "Send either `documentId` or `query`, not both.");
  const query = documents?.texts.get(documentId);
  if (query !== undefined) return { ...params, query };
  const shown = JSON.stringify(documentId.slice(0, documentIdCharactersShown));
  throw new ShardgateError("PERSISTED_DOCUMENT_NOT_FOUND", `This gateway has no persisted document ${shown}.`);
}

function manifestEntries(text: string): readonly [string, string][] {
  const manifest = parseJson(text);
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) {
    throw new ShardgateError("BAD_REQUEST", "It must be a JSON object from document ids to documents.");
  }
  return Object.entries(manifest).map(([id, document]: [string, unknown]) => {
    if (typeof document === "string") return [id, document];
    throw new ShardgateError("BAD_REQUEST", `The document ${id} is not a string.`);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", `It is not JSON: ${jsonFault(text)}.`, {}, error);
  }
}

function checkDocument(id: string, text: string, schema: GraphQLSchema, bounds: GatewayBounds): void {
  const wrong = (usual: ErrorCode, thrown: unknown): ShardgateError => {
    const error = thrown as GraphQLError;
    const { message, originalError: cause } = error;
    const code = cause instanceof ShardgateError ? cause.code : usual;
    const { locations } = new GraphQLError(message, placesOf(error));
    const place = (locations ?? []).slice(0, 1).map(({ line, column }) => ` at ${line}:${column}`);
    return new ShardgateError(code, `The document ${id} is invalid${place.join("")}: ${message}`, {}, error);
  };
  const parsed = (): DocumentNode => {
    try {
      return parseDocument(text, bounds);
    } catch (error) {
      throw wrong("GRAPHQL_PARSE_FAILED", error);
    }
  };
  const [error] = validateDocument(schema, parsed(), openRules);
  if (error !== undefined) throw wrong("GRAPHQL_VALIDATION_FAILED", error);
}
