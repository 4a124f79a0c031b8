/** One request on its way through GraphQL, and what both ways of executing it share. */
import type { IncomingMessage } from "node:http";
import type { ExecutionResult, GraphQLError } from "graphql";
import type { GraphQLParams } from "graphql-yoga";
import { graphqlErrorsMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import { clientError } from "./client-error.js";
import type { GraphqlContext } from "./context.js";
import { executableParams, type PersistedDocuments } from "./persisted-documents.js";
import { readParams } from "./request-params.js";

export interface Exchange extends GraphqlContext {
  readonly incoming: IncomingMessage;
  /** Puts the request's id into every line. */
  readonly log: Pick<Log, "debug" | "error">;
  /** What the variables were parsed from. Set once the parameters are read; null when there are none. */
  variablesText: (() => string) | null;
  /** Once somebody asked for them: a body can be read only once. */
  params: Promise<GraphQLParams> | null;
}

/** The request's parameters, with the text of a persisted document in place of its id. Rejects as `readParams` does. */
export function paramsOf(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams> {
  return (exchange.params ??= readExchange(exchange, persisted));
}

/** What a result has beside its data, as it is sent: what a client gets to see of the errors, and the receipt if there is one. */
export function finalMembers(
  errors: readonly GraphQLError[] | undefined,
  { log, receipt }: Exchange,
): Pick<ExecutionResult, "errors" | "extensions"> {
  return {
    ...(errors !== undefined && { errors: errors.slice(0, graphqlErrorsMax).map((error) => clientError(error, log)) }),
    ...(receipt !== null && { extensions: { shardgate: receipt.report() } }),
  };
}

async function readExchange(exchange: Exchange, persisted: PersistedDocuments | null): Promise<GraphQLParams> {
  const { params, variablesText } = await readParams(exchange.incoming, exchange.services.bounds);
  exchange.variablesText = variablesText;
  return executableParams(params, persisted);
}
