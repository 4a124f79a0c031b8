/**
 * Writes src/generated/graphql-env.d.ts, from which gql.tada infers the types of documents. Its own command
 * (`gql.tada generate-output`) needs the JavaScript API of the TypeScript compiler, which TypeScript 7 does not have.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { minifyIntrospection, outputIntrospectionFile } from "@gql.tada/internal";
import { buildSchema, introspectionFromSchema } from "graphql";

// Elsewhere: "node_modules/shardgate/dist/schema.graphql".
const schema = buildSchema(readFileSync("../../dist/schema.graphql", "utf8"));

const introspection = minifyIntrospection(introspectionFromSchema(schema, { oneOf: true }));
const output = outputIntrospectionFile(introspection, { fileType: ".d.ts", shouldPreprocess: true });
writeFileSync("src/generated/graphql-env.d.ts", output);
