/**
 * `shardgate node accept-loss`: an operator confirms that a storage node's data are lost. Only then may another or an
 * older store take the node's place, because from then on a missing key is answered "not found".
 */
import type { Command } from "commander";
import { confirm, yesOption } from "../terminal/confirm.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";
import { nodeNameArgument } from "./cluster-argument.js";

interface AcceptLossOptions extends ConnectionOptions {
  readonly output: Format;
  readonly yes?: true;
}

export function addAcceptLossCommand(node: Command, environment: Environment): void {
  const command = node
    .command("accept-loss")
    .description("Accept that a storage node has lost data, so that it may serve with a new or an older store.")
    .addArgument(nodeNameArgument())
    .addOption(yesOption())
    .addOption(outputOption())
    .action((name: string, options: AcceptLossOptions) => runAcceptLoss(name, options, environment));
  addExample(addConnectionOptions(command), "node accept-loss node3");
}

async function runAcceptLoss(name: string, options: AcceptLossOptions, environment: Environment): Promise<void> {
  const { endpoint, output, yes = false } = options;
  const question =
    `Accept at ${endpoint} that storage node ${name} has lost data? It then serves its shards with the data that it has: ` +
    "missing keys are answered as not found, and older values as current.";
  await confirm(question, yes, environment);
  const document =
    "mutation AcceptLoss($input:AcceptStorageNodeLossInput!){acceptStorageNodeLoss(input:$input){__typename}}";
  await withGateway(options, environment, (client) => ask(client, document, JSON.stringify({ input: { name } })));
  const text =
    output === "json" ? JSON.stringify({ name }) : `accepted: ${name} serves its shards after its next registration`;
  await print(`${text}\n`, environment);
}
