/**
 * The GraphQL engine, set up: Yoga executes, negotiates content types and chooses statuses. Replaced are the reading of
 * parameters (bounded, and keeping the variables' text), the writing of results (raw values) and the shape of errors.
 */
import type { IncomingMessage } from "node:http";
import { type DocumentNode, execute, GraphQLError } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import type { Log } from "../../core/log.js";
import { graphqlErrorsMax } from "../../core/limits.js";
import { clientError } from "./client-error.js";
import type { GraphqlContext } from "./context.js";
import { DocumentCache, parseDocument, validateDocument } from "./documents.js";
import { ExactVariables } from "./exact-variables.js";
import { executableParams, type PersistedDocuments } from "./persisted-documents.js";
import { readParams } from "./request-params.js";
import { resultText } from "./result-text.js";
import { createExecutableSchema } from "./schema.js";

/** What Yoga carries through one request. */
export interface Exchange extends GraphqlContext {
  readonly incoming: IncomingMessage;
  /** Puts the request's id into every line. */
  readonly log: Pick<Log, "debug" | "error">;
  /** Set once the parameters are read. */
  variablesText: string | null;
}

type ExchangePlugin = Plugin<Exchange, Exchange, object>;

/** Every request comes to this path, wherever the gateway serves GraphQL. */
export const yogaPath = "/graphql";

export function createYogaServer(documents: PersistedDocuments | null): YogaServerInstance<Exchange, object> {
  const schema = createExecutableSchema();
  return createYoga<Exchange, object>({
    schema,
    graphqlEndpoint: yogaPath,
    // Yoga compares the end of every URL with it, and no URL ends with a space.
    healthCheckEndpoint: " ",
    landingPage: false,
    graphiql: false,
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: false,
    logging: false,
    maskedErrors: false,
    parserAndValidationCache: {
      documentCache: new DocumentCache<DocumentNode>(),
      errorCache: new DocumentCache<unknown>(),
    },
    plugins: [boundedDocuments(), sourcedParams(documents), exactVariables(new ExactVariables(schema)), finalResult()],
  });
}

function boundedDocuments(): ExchangePlugin {
  return {
    onParse: ({ setParseFn }) => setParseFn(parseDocument),
    onValidate: ({ setValidationFn }) => setValidationFn(validateDocument),
  };
}

/** Takes the place of all of Yoga's own parsers, those for forms included. */
function sourcedParams(documents: PersistedDocuments | null): ExchangePlugin {
  return {
    onRequestParse: ({ serverContext, setRequestParser }) =>
      setRequestParser(async () => {
        const { params, variablesText } = await readParams(serverContext.incoming);
        serverContext.variablesText = variablesText;
        return executableParams(params, documents);
      }),
  };
}

function exactVariables(variables: ExactVariables): ExchangePlugin {
  return {
    onExecute: ({ args, setExecuteFn }) => {
      // Yoga's own executor writes the fields of a result in the order in which they were ready, not in the document's.
      setExecuteFn(execute);
      const text = args.contextValue.variablesText;
      if (args.variableValues == null || text === null) return;
      args.variableValues = variables.of(args.document, args.operationName, { parsed: args.variableValues, text });
    },
    onSubscribe: () => {
      throw new GraphQLError("The schema has no subscriptions.", { extensions: { code: "BAD_REQUEST" } });
    },
  };
}

/** Also for results that are errors from before the execution: everything Yoga sends passes here. */
function finalResult(): ExchangePlugin {
  return {
    onResultProcess: ({ result, setResult, serverContext }) => {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return;
      const errors = result.errors
        ?.slice(0, graphqlErrorsMax)
        .map((error) => clientError(error as GraphQLError, serverContext.log));
      setResult({ ...result, ...(errors === undefined ? {} : { errors }), stringify: (final) => resultText(final) });
    },
  };
}
