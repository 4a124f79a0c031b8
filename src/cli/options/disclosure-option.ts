/** The options about what a gateway tells of its schema to whoever asks: everything, unless it is told otherwise. */
import type { Command } from "commander";
import type { DocumentRules } from "../../gateway/graphql/documents/document-rules.js";
import { option } from "./option.js";

export interface DisclosureOptions {
  readonly production?: true;
  readonly introspection: boolean;
  readonly suggestions: boolean;
}

export function addDisclosureOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--production",
        "--no-introspection, --no-suggestions and --no-playground together (the variable may have any value)",
      ),
    )
    .addOption(option("--no-introspection", "refuse __schema and __type (the variable may have any value)"))
    .addOption(
      option("--no-suggestions", 'leave "Did you mean" out of error messages (the variable may have any value)'),
    );
}

export function documentRulesOf({ production, introspection, suggestions }: DisclosureOptions): DocumentRules {
  const isOpen = production !== true;
  return { isIntrospectionEnabled: isOpen && introspection, areSuggestionsShown: isOpen && suggestions };
}
