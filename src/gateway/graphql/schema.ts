/** The executable schema: the text of schema/ with its resolvers and scalars, and a deployment's additions. */
import type { GraphQLSchema } from "graphql";
import { createSchema } from "graphql-yoga";
import type { GraphqlContext } from "./execution/context.js";
import type { Resolvers } from "./generated/resolver-types.js";
import { typeDefs } from "./generated/type-defs.js";
import { administrationMutations } from "./resolvers/administration-resolvers.js";
import {
  clusterFields,
  clusterQueries,
  gatewayFields,
  storageNodeFields,
  storageNodeProblemFields,
} from "./resolvers/cluster-resolvers.js";
import { entryFields, entryQueries, pageInfoFields } from "./resolvers/entry-resolvers.js";
import { nodeQueries, nodeType } from "./resolvers/node-resolvers.js";
import { assignmentChangeFields, shardFields, shardQueries } from "./resolvers/shard-resolvers.js";
import { entryMutations } from "./resolvers/write-resolvers.js";
import { dateTimeScalar, jsonScalar, versionScalar } from "./values/scalars.js";

const resolvers: Resolvers = {
  Query: { ...nodeQueries, ...entryQueries, ...shardQueries, ...clusterQueries },
  Mutation: { get: entryQueries.get, ...entryMutations, ...administrationMutations },
  Node: nodeType,
  // Problems have a `__typename`; an entry, which is not created here, has none.
  GetResult: { __resolveType: (result) => ("value" in result ? "Entry" : result.__typename) },
  Entry: entryFields,
  PageInfo: pageInfoFields,
  Shard: shardFields,
  AssignmentChange: assignmentChangeFields,
  StorageNode: storageNodeFields,
  StorageNodeProblem: storageNodeProblemFields,
  Cluster: clusterFields,
  Gateway: gatewayFields,
  DateTime: dateTimeScalar,
  JSON: jsonScalar,
  Version: versionScalar,
};

type SchemaDefinition = Parameters<typeof createSchema<GraphqlContext>>[0];

/** Types and fields of one deployment, in addition to those of every gateway. */
export interface SchemaPart {
  /** For example `extend type Query { … }`. */
  readonly typeDefs: string;
  readonly resolvers: NonNullable<SchemaDefinition["resolvers"]>;
}

export function createExecutableSchema(...parts: readonly SchemaPart[]): GraphQLSchema {
  return createSchema<GraphqlContext>({
    typeDefs: [typeDefs, ...parts.map((part) => part.typeDefs)],
    resolvers: [resolvers, ...parts.flatMap((part) => part.resolvers)],
  });
}
