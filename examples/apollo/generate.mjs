/** Writes src/generated/possible-types.ts: the members of each union and interface, by which the cache matches fragments. */
import { readFileSync, writeFileSync } from "node:fs";
import { buildSchema, isAbstractType } from "graphql";

// Elsewhere: "node_modules/shardgate/dist/schema.graphql".
const schema = buildSchema(readFileSync("../../dist/schema.graphql", "utf8"));

const abstractTypes = Object.values(schema.getTypeMap()).filter(isAbstractType);
const possibleTypes = Object.fromEntries(
  abstractTypes.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]),
);
writeFileSync(
  "src/generated/possible-types.ts",
  `export const possibleTypes = ${JSON.stringify(possibleTypes, null, 2)};\n`,
);
