/**
 * The GraphQL engine, set up: Yoga executes, negotiates content types and chooses statuses. Replaced are the reading of
 * parameters (bounded, and keeping the variables' text), the writing of results (raw values) and the shape of errors.
 */
import {
  type DocumentNode,
  execute,
  type ExecutionArgs,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  type Source,
} from "graphql";
import { createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { type BoundedDocuments, DocumentCache, type DocumentRules } from "./documents.js";
import type { ExactVariables } from "./exact-variables.js";
import { finalMembers, paramsOf, traceOperation, type Exchange } from "./exchange.js";
import type { PersistedDocuments } from "./persisted-documents.js";
import { requestCostProblem } from "./request-cost.js";
import { resultText } from "./result-text.js";

type ExchangePlugin = Plugin<Exchange, Exchange, object>;

/** Every request comes to this path, wherever the gateway serves GraphQL. */
export const yogaPath = "/graphql";

export function createYogaServer(
  schema: GraphQLSchema,
  variables: ExactVariables,
  documents: BoundedDocuments,
  persisted: PersistedDocuments | null,
): YogaServerInstance<Exchange, object> {
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
    plugins: [
      boundedDocuments(documents),
      sourcedParams(persisted),
      boundedCost(),
      exactVariables(variables, documents.rules),
      ownResults(),
    ],
  });
}

function boundedDocuments(documents: BoundedDocuments): ExchangePlugin {
  return {
    onParse: ({ setParseFn }) => setParseFn((source: string | Source) => documents.parse(source)),
    onValidate: ({ setValidationFn }) => {
      setValidationFn((_schema: GraphQLSchema, document: DocumentNode) => documents.validate(document));
    },
  };
}

/** Takes the place of all of Yoga's own parsers, those for forms included. */
function sourcedParams(documents: PersistedDocuments | null): ExchangePlugin {
  return {
    onRequestParse: ({ serverContext, setRequestParser }) =>
      setRequestParser(async () => {
        return { ...(await paramsOf(serverContext, documents)) };
      }),
  };
}

/** Before anything of the request is executed. */
function boundedCost(): ExchangePlugin {
  return {
    onExecute: ({ args, setResultAndStopExecution }) => {
      const { bounds, membership } = args.contextValue.services;
      const request = { ...args, variables: args.variableValues };
      const problem = requestCostProblem(request, bounds, membership.shardCount);
      if (problem === null) return;
      setResultAndStopExecution({ errors: [new GraphQLError(problem.message, { originalError: problem })] });
    },
  };
}

function exactVariables(variables: ExactVariables, { areSuggestionsShown }: DocumentRules): ExchangePlugin {
  return {
    onExecute: ({ args, setExecuteFn }) => {
      // Yoga's own executor writes the fields of a result in the order in which they were ready, not in the document's.
      setExecuteFn((execution: ExecutionArgs) => execute({ ...execution, hideSuggestions: !areSuggestionsShown }));
      const text = args.contextValue.variablesText;
      const operation = getOperationAST(args.document, args.operationName);
      if (operation != null) traceOperation(args.contextValue, operation);
      if (args.variableValues == null || text === null || operation == null) return;
      args.variableValues = variables.of(operation, { parsed: args.variableValues, text });
    },
    onSubscribe: () => {
      throw new GraphQLError("The schema has no subscriptions.", { extensions: { code: "BAD_REQUEST" } });
    },
  };
}

/** Also for results that are errors from before the execution: everything Yoga sends passes here. */
function ownResults(): ExchangePlugin {
  return {
    onResultProcess: ({ result, setResult, serverContext }) => {
      if (Array.isArray(result) || Symbol.asyncIterator in result) return;
      const { errors } = result as { readonly errors?: readonly GraphQLError[] };
      setResult({ ...result, ...finalMembers(errors, serverContext), stringify: (final) => resultText(final) });
    },
  };
}
