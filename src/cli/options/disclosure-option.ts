/** The options for how much of its schema a gateway reveals: everything by default. */
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
        "same as --no-introspection --no-suggestions --no-playground (any value of the variable sets it)",
      ),
    )
    .addOption(
      option("--no-introspection", "refuse queries of __schema and __type (any value of the variable sets it)"),
    )
    .addOption(
      option(
        "--no-suggestions",
        'omit "Did you mean" suggestions from error messages (any value of the variable sets it)',
      ),
    );
}

export function documentRulesOf({ production, introspection, suggestions }: DisclosureOptions): DocumentRules {
  const isOpen = production !== true;
  return { isIntrospectionEnabled: isOpen && introspection, areSuggestionsShown: isOpen && suggestions };
}
