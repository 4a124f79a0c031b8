/**
 * `shardgate put`: writes one entry, optionally with a condition and an expiry. The value is sent as the text that was
 * given.
 */
import { Option, type Command } from "commander";
import { ttlSecondsMax } from "../../core/limits.js";
import { parseVersion } from "../../core/version.js";
import { commandAdvice } from "../terminal/advice.js";
import type { Environment } from "../environment/environment.js";
import { expiryOfTtl, parseExpiresAt, type ExpiryInput } from "../options/expiry-input.js";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure, messageOf } from "../terminal/command-failure.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, parsedBy, wholeNumber } from "../options/option.js";
import { objectText } from "../terminal/json-output.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { shellWord } from "../environment/shell-word.js";
import { keyArgument, readValue } from "./entry-argument.js";
import {
  entryFields,
  entryText,
  failOnProblems,
  outcomeText,
  problemFields,
  successes,
  type EntryAnswer,
  type ProblemAnswer,
} from "./entry-outcome.js";

interface PutOptions extends ConnectionOptions {
  readonly output: Format;
  readonly ttl?: number;
  readonly expiresAt?: string;
  readonly ifVersion?: string;
  readonly ifAbsent?: true;
  readonly ifPresent?: true;
}

export function addPutCommand(program: Command, environment: Environment): void {
  const command = program
    .command("put")
    .description("Write one entry.")
    .addArgument(keyArgument())
    .argument("<value>", "JSON text, or `-` to read it from standard input")
    .addOption(
      new Option("--ttl <seconds>", "seconds until the entry expires").argParser(wholeNumber(1, ttlSecondsMax)),
    )
    .addOption(
      new Option("--expires-at <moment>", "time at which the entry expires, such as 2026-01-31T12:00:00Z")
        .argParser(parsedBy(parseExpiresAt))
        .conflicts("ttl"),
    )
    .addOption(
      new Option("--if-version <version>", "write only if the entry has this version")
        .argParser(parsedBy(parseVersion))
        .conflicts(["ifAbsent", "ifPresent"]),
    )
    .addOption(new Option("--if-absent", "write only if the key does not exist").conflicts("ifPresent"))
    .addOption(new Option("--if-present", "write only if the key exists"))
    .addOption(outputOption())
    .action((key: string, value: string, options: PutOptions) => runPut(key, value, options, environment));
  addExample(
    addConnectionOptions(command),
    `put user123 '{"name":"Ada"}' --ttl 3600`,
    "put user123 - --if-absent < user.json",
  );
}

async function runPut(key: string, value: string, options: PutOptions, environment: Environment): Promise<void> {
  const expiry = expiryOf(options, environment.clock.nowMs());
  const variables = variablesOf({ key, valueText: await readValue(value, environment.stdin), expiry }, options);
  const { put: result } = await withGateway(options, environment, (client) =>
    ask<Answer>(client, document, variables, "write"),
  );
  const outcomes = [{ key, result }];
  const text =
    options.output === "json"
      ? `${outcomeText({ key, result }, ({ entry, isNew }) => entryText(entry, { isNew: String(isNew) }))}\n`
      : tableOf(successes(outcomes), columns, environment);
  await print(text, environment);
  failOnProblems(outcomes, (code, { current = null }) =>
    code === "VERSION_CONFLICT" ? conflictAdvice(key, current) : commandAdvice(code, true),
  );
}

/** How to repeat the write with a condition that fits the current entry. */
function conflictAdvice(key: string, current: EntryAnswer | null): string {
  if (current === null) return "The key does not exist. Use --if-absent to create it.";
  // Storage nodes that support conditions keep versions.
  return `Read the entry again with \`shardgate get ${shellWord(key)}\`, and repeat with --if-version ${current.version}.`;
}

interface PutSuccess {
  readonly entry: EntryAnswer;
  readonly isNew: boolean;
}

interface Answer {
  readonly put: PutSuccess | ProblemAnswer;
}

const document =
  "mutation Put($key:String!,$value:JSON!,$expiry:Expiry,$condition:WriteCondition){" +
  "put(key:$key,value:$value,expiry:$expiry,condition:$condition){" +
  `...on PutSuccess{isNew entry{${entryFields}}}...on VersionConflict{current{${entryFields}}}${problemFields}}}`;

function expiryOf({ ttl, expiresAt }: PutOptions, nowMs: number): ExpiryInput | null {
  if (expiresAt !== undefined) return { at: expiresAt };
  if (ttl === undefined) return null;
  try {
    return expiryOfTtl(ttl, nowMs);
  } catch (error) {
    throw new CommandFailure(`option '--ttl ${ttl}': ${messageOf(error)}`, exitCodes.usage);
  }
}

interface PutEntry {
  readonly key: string;
  readonly valueText: string;
  readonly expiry: ExpiryInput | null;
}

function variablesOf({ key, valueText, expiry }: PutEntry, { ifVersion, ifAbsent, ifPresent }: PutOptions): string {
  const isConditional = ifVersion !== undefined || ifAbsent === true || ifPresent === true;
  return objectText({
    key: JSON.stringify(key),
    value: valueText,
    ...(expiry === null ? {} : { expiry: JSON.stringify(expiry) }),
    // Options that are not given are omitted.
    ...(isConditional ? { condition: JSON.stringify({ ifVersion, ifAbsent, ifPresent }) } : {}),
  });
}

const columns: Columns<PutSuccess> = [
  { title: "key", of: ({ entry }) => entry.key },
  { title: "version", isRight: true, of: ({ entry }) => entry.version },
  { title: "shard", isRight: true, of: ({ entry }) => entry.shard.number },
  { title: "expires", of: ({ entry }) => entry.expiresAt },
  { title: "entry", of: ({ isNew }) => (isNew ? "new" : "replaced") },
];
