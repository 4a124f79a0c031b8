/**
 * Reads the GraphQL parameters of a request (GraphQL over HTTP, sections 5 and 6): GET with a query string, and POST
 * with JSON. Everything else is refused, forms above all: a web page of another origin may send those without a
 * preflight.
 */
import { isAscii } from "node:buffer";
import type { GraphQLParams } from "graphql-yoga";
import type { GatewayBounds } from "../../../core/bounds.js";
import { ShardgateError } from "../../../core/error.js";
import { jsonMembers } from "../../../core/text/json-text.js";
import type { OpenRequest } from "../../edge/open-request.js";
import { readBody } from "../../edge/request-body.js";
import { parseJsonBody } from "../../json-body.js";

export interface RequestParams extends GraphQLParams {
  /** The id of a persisted document, instead of `query`. */
  readonly documentId?: unknown;
}

export interface SourcedParams {
  readonly params: RequestParams;
  /** Returns the text that `params.variables` was parsed from; null when there are none. */
  readonly variablesText: (() => string) | null;
}

/** The body of a POST, for `paramsOfBody`. Rejects with UNSUPPORTED_MEDIA_TYPE, and as `readBody` does. */
export function readParamsBody(open: OpenRequest, bounds: GatewayBounds): Promise<Buffer> {
  const { headers } = open.request;
  const isTaken = isJsonMedia(headers["content-type"] ?? "", headers["content-encoding"] ?? "identity");
  if (isTaken) return readBody(open, bounds.bodyBytes);
  return Promise.reject(
    new ShardgateError("UNSUPPORTED_MEDIA_TYPE", "The body must be uncompressed application/json in UTF-8."),
  );
}

/**
 * The parameters of a GET or HEAD, where an empty parameter means an absent one. Rejects with what `parseJsonBody`
 * throws.
 */
export async function paramsOfQuery(url: string, bounds: GatewayBounds): Promise<SourcedParams> {
  const search = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const variablesText = search.get("variables") || null;
  const variables =
    variablesText === null ? undefined : parseJsonBody(variablesText, "`variables`", { bounds, distinctLevels: 1 });
  const names = ["documentId", "query", "operationName"];
  const params = Object.fromEntries(names.map((name) => [name, search.get(name) || undefined]));
  return {
    params: asParams({ ...params, variables }),
    variablesText: variablesText === null ? null : () => variablesText,
  };
}

/** Throws as `parseJsonBody` does, and BAD_REQUEST for a body that is not an object. */
export function paramsOfBody(body: Buffer, bounds: GatewayBounds): SourcedParams {
  const text = decodeUtf8(body);
  // Names must be distinct in the body's own object and in `variables`.
  const parsed = parseJsonBody(text, "The body", { bounds, distinctLevels: 2 });
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ShardgateError(
      "BAD_REQUEST",
      "The body must be a JSON object with `query`; arrays of several requests are not supported.",
    );
  }
  return {
    params: asParams(parsed),
    variablesText: Object.hasOwn(parsed, "variables") ? () => memberText(text, "variables") : null,
  };
}

/** Whether Yoga would accept the parameters without an error. */
export function isOrdinary(params: GraphQLParams): boolean {
  const { query, variables, operationName, extensions } = params;
  return (
    Object.keys(params).every((name) => ordinaryNames.has(name)) &&
    typeof query === "string" &&
    (operationName == null || typeof operationName === "string") &&
    isObjectOrNothing(variables) &&
    isObjectOrNothing(extensions)
  );
}

const ordinaryNames: ReadonlySet<string> = new Set(["query", "variables", "operationName", "extensions"]);

function isObjectOrNothing(value: unknown): boolean {
  return value == null || (typeof value === "object" && !Array.isArray(value));
}

function isJsonMedia(contentType: string, encoding: string): boolean {
  if (contentType === "application/json" && encoding === "identity") return true;
  const [mediaType = "", ...options] = contentType.split(";").map((part) => part.trim().toLowerCase());
  const charset = options.find((option) => option.startsWith("charset="))?.slice("charset=".length) ?? "utf-8";
  const isJson = mediaType === "application/json" || mediaType === "application/graphql+json";
  return isJson && ["utf-8", "utf8", '"utf-8"'].includes(charset) && encoding === "identity";
}

/** The text of a member that exists. */
function memberText(text: string, name: string): string {
  const { start, end } = jsonMembers(text, { start: 0, end: text.length })?.get(name) ?? { start: 0, end: 0 };
  return text.slice(start, end);
}

/** An empty operation name means none. Yoga checks the types of the parameters itself. */
function asParams(parsed: object): RequestParams {
  if (!("operationName" in parsed) || parsed.operationName !== "") return parsed;
  const { operationName: _none, ...params } = parsed;
  return params;
}

function decodeUtf8(body: Buffer): string {
  // Most bodies are ASCII, and decoding them as such is many times faster.
  if (isAscii(body)) return body.toString("latin1");
  try {
    return strictUtf8.decode(body);
  } catch (error) {
    throw new ShardgateError("BAD_REQUEST", "The body is not valid UTF-8.", {}, error);
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });
