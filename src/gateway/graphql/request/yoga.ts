/**
 * GraphQL over HTTP by Yoga, which decides which parameters and methods are accepted, and the media type and status of
 * the answer. Parameters are read by this program (bounded, and keeping the variables' text), as are execution and
 * serialization of results.
 */
import type { ExecutionResult, GraphQLError } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { finalMembers, paramsOf, resultOf, type Exchange } from "./exchange.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { resultText } from "../values/result-text.js";

/** Every request is passed on with this path, wherever the gateway serves GraphQL. */
export const yogaPath = "/graphql";

export function createYogaServer(persisted: PersistedDocuments | null): YogaServerInstance<Exchange, object> {
  return createYoga<Exchange, object>({
    graphqlEndpoint: yogaPath,
    graphiql: false,
    cors: false,
    logging: false,
    maskedErrors: false,
    plugins: [ownExecution(persisted)],
  });
}

function ownExecution(persisted: PersistedDocuments | null): Plugin<Exchange, Exchange, object> {
  return {
    // Replaces all of Yoga's own parsers, those for forms included.
    onRequestParse: ({ serverContext, setRequestParser }) =>
      setRequestParser(async () => {
        return { ...(await paramsOf(serverContext, persisted)) };
      }),
    onParams: ({ setParamsHandler }) =>
      setParamsHandler(
        ({ params, context }) => resultOf(params, context) as ExecutionResult | Promise<ExecutionResult>,
      ),
    // Includes results that are errors from before the execution: everything that Yoga sends passes here.
    onResultProcess: ({ result, setResult, serverContext }) => {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return;
      const { errors } = result as { readonly errors?: readonly GraphQLError[] };
      setResult({ ...result, ...finalMembers(errors, serverContext), stringify: (final) => resultText(final) });
    },
  };
}
