/**
 * GraphQL over HTTP by Yoga: which parameters and methods are taken, which media type is answered, with which status. The
 * reading of parameters (bounded, and keeping the variables' text), the execution and the writing of results are ours.
 */
import type { ExecutionResult, GraphQLError } from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { finalMembers, paramsOf, resultOf, type Exchange } from "./exchange.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { resultText } from "../values/result-text.js";

/** Every request comes to this path, wherever the gateway serves GraphQL. */
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
    // Takes the place of all of Yoga's own parsers, those for forms included.
    onRequestParse: ({ serverContext, setRequestParser }) =>
      setRequestParser(async () => {
        return { ...(await paramsOf(serverContext, persisted)) };
      }),
    onParams: ({ setParamsHandler }) =>
      setParamsHandler(
        ({ params, context }) => resultOf(params, context) as ExecutionResult | Promise<ExecutionResult>,
      ),
    // Also for results that are errors from before the execution: everything Yoga sends passes here.
    onResultProcess: ({ result, setResult, serverContext }) => {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return;
      const { errors } = result as { readonly errors?: readonly GraphQLError[] };
      setResult({ ...result, ...finalMembers(errors, serverContext), stringify: (final) => resultText(final) });
    },
  };
}
