/** The `graphql` function of gql.tada for our schema: it infers the types of a document from its text, without codegen. */
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./generated/graphql-env.js";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { BigInt: string; DateTime: string; JSON: unknown; Version: string };
}>();
