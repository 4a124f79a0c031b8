/** `shardgate delete`: deletes entries, after confirmation. */
import type { Command } from "commander";
import { batchKeysMax } from "../../core/limits.js";
import { commandAdvice } from "../terminal/advice.js";
import { confirm, yesOption } from "../terminal/confirm.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { arrayText, objectText } from "../terminal/json-output.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { keysArgument } from "./entry-argument.js";
import { failOnProblems, outcomeText, problemFields, successes, type ProblemAnswer } from "./entry-outcome.js";

interface DeleteOptions extends ConnectionOptions {
  readonly output: Format;
  readonly yes?: true;
}

export function addDeleteCommand(program: Command, environment: Environment): void {
  const command = program
    .command("delete")
    .aliases(["del", "rm"])
    .description("Delete entries.")
    .addArgument(keysArgument())
    .addOption(yesOption())
    .addOption(outputOption())
    .action((keys: readonly string[], options: DeleteOptions, self: Command) => {
      if (keys.length > batchKeysMax) self.error(`at most ${batchKeysMax} keys can be deleted at once.`);
      return runDelete(keys, options, environment);
    });
  addExample(addConnectionOptions(command), "delete user123 user456 --yes");
}

async function runDelete(keys: readonly string[], options: DeleteOptions, environment: Environment): Promise<void> {
  const subject = keys.length === 1 ? JSON.stringify(keys[0]) : `${keys.length} entries`;
  await confirm(`Delete ${subject} at ${options.endpoint}?`, options.yes === true, environment);
  const variables = JSON.stringify({ items: keys.map((key) => ({ key })) });
  const { deleteMany } = await withGateway(options, environment, (client) =>
    ask<Answer>(client, document, variables, "write"),
  );
  const outcomes = deleteMany.map((result, index) => ({ key: keys[index] ?? "", result }));
  const json = (): string => `${arrayText(outcomes.map((outcome) => outcomeText(outcome, deletionText)))}\n`;
  const table = (): string => tableOf(successes(outcomes), columns, environment);
  await print(options.output === "json" ? json() : table(), environment);
  failOnProblems(outcomes, (code) => commandAdvice(code, true));
}

interface DeleteSuccess {
  readonly key: string;
  readonly version: string | null;
}

interface Answer {
  readonly deleteMany: readonly (DeleteSuccess | ProblemAnswer)[];
}

const document =
  "mutation Delete($items:[DeleteInput!]!){deleteMany(items:$items){" +
  `...on DeleteSuccess{key version}${problemFields}}}`;

function deletionText({ key, version }: DeleteSuccess): string {
  return objectText({ key: JSON.stringify(key), version: JSON.stringify(version) });
}

const columns: Columns<DeleteSuccess> = [
  { title: "deleted key", of: ({ key }) => key },
  { title: "version", isRight: true, of: ({ version }) => version },
];
