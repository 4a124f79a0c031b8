/**
 * Decides what clients see of an error: always an `extensions.code` of the closed list, and the message of expected
 * errors only. All errors of a response pass through here, whatever caused them.
 */
import { GraphQLError } from "graphql";
import { type ErrorCode, errorRules, isErrorCode, ShardgateError } from "../../../core/error.js";
import { retryHeaders } from "../../problem-answer.js";
import { placesOf, type DocumentRules } from "../documents/document-rules.js";
import type { RequestLog } from "./request-log.js";

/** Longest message of a GraphQL error: GraphQL's own messages quote whole arguments, which may be as long as a body. */
export const graphqlMessageCharactersMax = 2_000;

/** `extensions.http` sets the response's status in Yoga; it is never sent to clients. */
interface HttpFacts {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** For application/json the status is 200 nevertheless (GraphQL over HTTP, 6.4.1). */
  readonly spec: boolean;
}

/** The error as it is sent. Unexpected errors are logged with their cause. */
export function clientError(
  error: GraphQLError,
  log: Pick<RequestLog, "error" | "requestId">,
  { areSuggestionsShown }: Pick<DocumentRules, "areSuggestionsShown">,
): GraphQLError {
  const cause = causeOf(error);
  const isExpected = cause instanceof ShardgateError || cause instanceof GraphQLError;
  const code = isExpected ? codeOf(error, cause) : "INTERNAL_SERVER_ERROR";
  if (code === "INTERNAL_SERVER_ERROR")
    log.error({ err: cause, path: error.path }, "A field failed unexpectedly; this is a bug, please report `err`.");
  const details = cause instanceof ShardgateError ? cause.details : {};
  const requestId = code === "INTERNAL_SERVER_ERROR" ? { requestId: log.requestId } : {};
  const told = areSuggestionsShown ? error.message : error.message.replace(suggestion, "");
  const message = code === "INTERNAL_SERVER_ERROR" ? "Something went wrong inside the server." : cut(told);
  return new GraphQLError(message, {
    ...placesOf(error),
    path: error.path ?? null,
    extensions: {
      ...details,
      ...requestId,
      code,
      isRetryable: errorRules[code].isRetryable,
      ...httpFacts(error, cause, code),
    },
  });
}

/** GraphQL.js has an option to omit suggestions, but still makes them for fields that need a selection. */
const suggestion = /\s*\bdid you mean\b[^]*$/i;

function cut(message: string): string {
  return message.length > graphqlMessageCharactersMax ? `${message.slice(0, graphqlMessageCharactersMax)}…` : message;
}

/** The original error within the GraphQLErrors that wrap it. */
function causeOf(error: GraphQLError): Error {
  let cause: Error = error;
  while (cause instanceof GraphQLError && cause.originalError instanceof Error) cause = cause.originalError;
  return cause;
}

function codeOf(error: GraphQLError, cause: ShardgateError | GraphQLError): ErrorCode {
  if (cause instanceof ShardgateError) return cause.code;
  const { code, http } = error.extensions as { readonly code?: unknown; readonly http?: { readonly status?: number } };
  if (http?.status === errorRules.METHOD_NOT_ALLOWED.httpStatus) return "METHOD_NOT_ALLOWED";
  if (isErrorCode(code)) return code;
  if (code !== undefined) return "BAD_REQUEST";
  // Among the errors that GraphQL creates without a code, those at a field that refer to no node of the document are
  // about a result that cannot be serialized; all others are about variables and arguments.
  return error.path !== undefined && cause instanceof GraphQLError && cause.nodes === undefined
    ? "INTERNAL_SERVER_ERROR"
    : "BAD_USER_INPUT";
}

/** An error of a field does not change the response's status; one without a path concerns the request as a whole. */
function httpFacts(error: GraphQLError, cause: Error, code: ErrorCode): { readonly http?: HttpFacts } {
  if (error.path !== undefined) return {};
  const status = errorRules[code].httpStatus;
  const allow = allowOf(error, code);
  const headers = {
    ...(cause instanceof ShardgateError && retryHeaders(cause)),
    ...(allow !== null && { Allow: allow }),
  };
  return { http: { status, spec: graphqlCodes.has(code), headers } };
}

/** Yoga sends `POST` when the fault is a mutation sent with GET; it does not know that HEAD is answered as GET. */
function allowOf(error: GraphQLError, code: ErrorCode): string | null {
  if (code !== "METHOD_NOT_ALLOWED") return null;
  const { http } = error.extensions as { readonly http?: { readonly headers?: { readonly Allow?: string } } };
  return http?.headers?.Allow === "POST" ? "POST" : "GET, HEAD, POST";
}

/** Codes of a well-formed request whose document or variables are invalid. */
const graphqlCodes: ReadonlySet<ErrorCode> = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "DOCUMENT_TOO_LARGE",
  "DOCUMENT_TOO_DEEP",
  "TOO_MANY_ALIASES",
  "TOO_MANY_DIRECTIVES",
  "TOO_MANY_FIELDS",
  "TOO_MANY_ROOT_FIELDS",
  "REQUEST_TOO_COSTLY",
  "INTROSPECTION_DISABLED",
  "BAD_USER_INPUT",
]);
