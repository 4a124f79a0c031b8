/** Generates src/generated/ from the schema and the documents in src/: types, and the manifest of persisted documents. */
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  // Elsewhere: "node_modules/shardgate/dist/schema.graphql".
  schema: "../../dist/schema.graphql",
  documents: "src/*.ts",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { persistedDocuments: true, fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        strictScalars: true,
        scalars: { BigInt: "string", DateTime: "string", JSON: "unknown", Version: "string" },
      },
    },
  },
  importExtension: ".js",
};

export default config;
