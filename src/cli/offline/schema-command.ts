/** `shardgate schema`: prints the GraphQL schema of this program's gateway, without calling one. */
import type { Command } from "commander";
import { typeDefs } from "../../gateway/graphql/generated/type-defs.js";
import type { Environment } from "../environment/environment.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";

export function addSchemaCommands(program: Command, environment: Environment): void {
  const schema = program.command("schema").description("Print the GraphQL schema.").helpCommand(false);
  addExample(schema, "schema print > schema.graphql");
  const command = schema
    .command("print")
    .description(
      "Print the schema of this version of shardgate in GraphQL's schema language, without calling a gateway.",
    )
    .addOption(outputOption("output format: the schema as text (table), or as a string in a JSON document (json)"))
    .action(({ output }: { readonly output: Format }) =>
      print(output === "json" ? `${JSON.stringify({ schema: typeDefs })}\n` : typeDefs, environment),
    );
  addExample(command, "schema print > schema.graphql");
}
