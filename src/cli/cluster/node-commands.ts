/**
 * `shardgate node ls`, `add`, `rm`, `accept-loss` and `drain`: manage the storage nodes of a cluster. `shardgate node`
 * itself runs a storage node.
 */
import { Argument, Option, type Command } from "commander";
import { parseNodeUrl } from "../../registry/address/node-url.js";
import { confirm, yesOption } from "../terminal/confirm.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, parsedBy } from "../options/option.js";
import { arrayText } from "../terminal/json-output.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { addAcceptLossCommand } from "./accept-loss-command.js";
import { nodeNameArgument } from "./cluster-argument.js";
import { addDrainCommand } from "./drain-command.js";
import { askForNodes, nodeColumns, nodeText, type NodeAnswer } from "./node-answer.js";
import { problemsText } from "./node-problems.js";

interface NodeOptions extends ConnectionOptions {
  readonly output: Format;
}

interface RemoveOptions extends NodeOptions {
  readonly force?: true;
  readonly yes?: true;
}

/** `node` is the command that runs a storage node; its own options precede the name of a subcommand. */
export function addNodeCommands(node: Command, environment: Environment): void {
  addListCommand(node, environment);
  addAddCommand(node, environment);
  addRemoveCommand(node, environment);
  addAcceptLossCommand(node, environment);
  addDrainCommand(node, environment);
}

function addListCommand(node: Command, environment: Environment): void {
  const command = node
    .command("ls")
    .description("List the storage nodes of the cluster.")
    .addOption(outputOption())
    .action(async (options: NodeOptions) => {
      const { storageNodes } = await withGateway(options, environment, (client) =>
        askForNodes<{ readonly storageNodes: readonly NodeAnswer[] }>(client, (fields) => `{storageNodes{${fields}}}`),
      );
      const json = (): string => `${arrayText(storageNodes.map((each) => nodeText(each)))}\n`;
      const table = (): string => tableOf(storageNodes, nodeColumns, environment) + problemsText(storageNodes);
      await print(options.output === "json" ? json() : table(), environment);
    });
  addExample(addConnectionOptions(command), "node ls");
}

function addAddCommand(node: Command, environment: Environment): void {
  const command = node
    .command("add")
    .description("Add a plain storage node, which cannot register itself, or change the URL of a storage node.")
    .addArgument(nodeNameArgument())
    .addArgument(new Argument("<url>", "URL at which the gateway reaches it").argParser(parsedBy(parseNodeUrl)))
    .addOption(outputOption())
    .action((name: string, url: string, options: NodeOptions) => runAdd(name, url, options, environment));
  addExample(addConnectionOptions(command), "node add mine http://127.0.0.1:9000");
}

async function runAdd(name: string, url: string, options: NodeOptions, environment: Environment): Promise<void> {
  const documentWith = (fields: string): string =>
    `mutation AddNode($input:RegisterStorageNodeInput!){registerStorageNode(input:$input){storageNode{${fields}}}}`;
  const { registerStorageNode } = await withGateway(options, environment, (client) =>
    askForNodes<{ readonly registerStorageNode: { readonly storageNode: NodeAnswer } }>(
      client,
      documentWith,
      JSON.stringify({ input: { name, url } }),
    ),
  );
  const { storageNode } = registerStorageNode;
  const json = (): string => `${nodeText(storageNode)}\n`;
  await print(options.output === "json" ? json() : tableOf([storageNode], nodeColumns, environment), environment);
}

function addRemoveCommand(node: Command, environment: Environment): void {
  const command = node
    .command("rm")
    .description("Remove a storage node. Its shards are assigned to others.")
    .addArgument(nodeNameArgument())
    .addOption(new Option("--force", "remove it even if it is live or owns shards with data"))
    .addOption(yesOption())
    .addOption(outputOption())
    .action((name: string, options: RemoveOptions) => runRemove(name, options, environment));
  addExample(addConnectionOptions(command), "node rm node3 --yes");
}

interface Removal {
  readonly name: string;
  readonly unassignedShards: readonly number[];
}

const removalColumns: Columns<Removal> = [
  { title: "removed", of: ({ name }) => name },
  { title: "its shards", of: ({ unassignedShards }) => unassignedShards.join(",") || null },
];

async function runRemove(name: string, options: RemoveOptions, environment: Environment): Promise<void> {
  const { force = false, yes = false } = options;
  const what = force ? ", even if it is live or has data," : "";
  await confirm(`Remove storage node ${name}${what} at ${options.endpoint}?`, yes, environment);
  const document =
    "mutation RemoveNode($input:RemoveStorageNodeInput!){removeStorageNode(input:$input){unassignedShards{number}}}";
  const { removeStorageNode } = await withGateway(options, environment, (client) =>
    ask<{ readonly removeStorageNode: { readonly unassignedShards: readonly { readonly number: number }[] } }>(
      client,
      document,
      JSON.stringify({ input: { name, force } }),
    ),
  );
  const removal = { name, unassignedShards: removeStorageNode.unassignedShards.map(({ number }) => number) };
  const json = (): string => `${JSON.stringify(removal)}\n`;
  await print(options.output === "json" ? json() : tableOf([removal], removalColumns, environment), environment);
}
