/** `shardgate registry`: maintains a registry without a gateway. */
import type { Command } from "commander";
import type { Environment } from "../environment/environment.js";
import { addExample } from "../terminal/help-example.js";
import { addCopyCommand } from "./copy-command.js";
import { addRestoreCommand, restoreExample } from "./restore-command.js";
import { addShowCommand } from "./show-command.js";

export function addRegistryCommands(program: Command, environment: Environment): void {
  const registry = program
    .command("registry")
    .description("Show, copy and restore the registry of a cluster.")
    .helpCommand(false);
  addExample(registry, restoreExample);
  addShowCommand(registry, environment);
  addCopyCommand(registry, environment);
  addRestoreCommand(registry, environment);
}
