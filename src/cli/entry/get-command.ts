/**
 * `shardgate get`: reads entries. For a single key it prints the value exactly as it is stored, so that it can be
 * written to a file.
 */
import type { Command } from "commander";
import { batchKeysMax } from "../../core/limits.js";
import { commandAdvice } from "../terminal/advice.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, callFailure, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { arrayText } from "../terminal/json-output.js";
import { print, tableOf, type Format } from "../terminal/print.js";
import { keysArgument } from "./entry-argument.js";
import {
  entryColumns,
  entryFields,
  entryText,
  failOnProblems,
  isProblem,
  outcomeText,
  problemFields,
  successes,
  type EntryAnswer,
  type KeyOutcome,
  type ProblemAnswer,
} from "./entry-outcome.js";

interface GetOptions extends ConnectionOptions {
  readonly output: Format;
}

export function addGetCommand(program: Command, environment: Environment): void {
  const command = program
    .command("get")
    .description("Read entries. One key prints its value as stored; several keys print a row each.")
    .addArgument(keysArgument())
    .addOption(outputOption())
    .action((keys: readonly string[], options: GetOptions) => runGet(keys, options, environment));
  addExample(addConnectionOptions(command), "get user123", "get user123 user456 -o json");
}

async function runGet(keys: readonly string[], options: GetOptions, environment: Environment): Promise<void> {
  const outcomes = await withGateway(options, environment, (client) => readAll(keys, client));
  await print(options.output === "json" ? jsonOf(outcomes) : textOf(outcomes, environment), environment);
  failOnProblems(outcomes, (code) => commandAdvice(code));
}

const document = `query Get($keys:[String!]!){entries(keys:$keys){...on Entry{${entryFields}}${problemFields}}}`;

async function readAll(keys: readonly string[], client: GatewayClient): Promise<readonly KeyOutcome<EntryAnswer>[]> {
  const outcomes: KeyOutcome<EntryAnswer>[] = [];
  for (let start = 0; start < keys.length; start += batchKeysMax) {
    outcomes.push(...(await readBatch(keys.slice(start, start + batchKeysMax), client)));
  }
  return outcomes;
}

/** Splits the keys in half when the values exceed one answer. */
async function readBatch(keys: readonly string[], client: GatewayClient): Promise<readonly KeyOutcome<EntryAnswer>[]> {
  const answer = await client.post(JSON.stringify({ query: document, variables: { keys } }));
  if (answer.kind === "failure") {
    if (!answer.isTooLarge || keys.length === 1) throw callFailure(answer, "read");
    const half = Math.ceil(keys.length / 2);
    return [...(await readBatch(keys.slice(0, half), client)), ...(await readBatch(keys.slice(half), client))];
  }
  const results = answer.data["entries"] as readonly (EntryAnswer | ProblemAnswer)[];
  return results.map((result, index) => ({ key: keys[index] ?? "", result }));
}

function textOf(outcomes: readonly KeyOutcome<EntryAnswer>[], environment: Environment): string {
  const [only, ...others] = outcomes;
  if (only === undefined || others.length > 0) return tableOf(successes(outcomes), entryColumns, environment);
  if (isProblem(only.result)) return "";
  return only.result.valueText + (environment.stdout.isTTY === true ? "\n" : "");
}

function jsonOf(outcomes: readonly KeyOutcome<EntryAnswer>[]): string {
  const texts = outcomes.map((outcome) => outcomeText(outcome, entryText));
  return `${texts.length === 1 ? texts.join("") : arrayText(texts)}\n`;
}
