/**
 * `shardgate node drain`: other storage nodes of the same store take over the shards of one, so that it can be stopped or
 * removed without a failed request. It is given no more until that is undone.
 */
import { Option, type Command } from "commander";
import { pause } from "../../core/tasks/pause.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import type { Environment } from "../environment/environment.js";
import { outputOption } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import { addExample } from "../terminal/help-example.js";
import { print, type Format } from "../terminal/print.js";
import { nodeNameArgument } from "./cluster-argument.js";
import { shardsShown } from "./missing-shards.js";

/** How often `--wait` asks again, and for how long: a takeover takes a second, unless no other storage node is live. */
const pollMs = 1_000;
const waitMsMax = 60_000;

interface DrainOptions extends ConnectionOptions {
  readonly undo?: true;
  readonly wait?: true;
  readonly output: Format;
}

interface DrainedNode {
  readonly isDraining: boolean;
  readonly shards: readonly { readonly number: number }[];
}

export function addDrainCommand(node: Command, environment: Environment): void {
  const command = node
    .command("drain")
    .description("Give the shards of a storage node to others of its shared store, so that it can be stopped.")
    .addArgument(nodeNameArgument())
    .addOption(new Option("--undo", "end the draining: the storage node may be given shards again"))
    .addOption(new Option("--wait", "wait until it owns no shards").conflicts("undo"))
    .addOption(outputOption())
    .action((name: string, options: DrainOptions) => runDrain(name, options, environment));
  addExample(addConnectionOptions(command), "node drain node3 --wait");
}

async function runDrain(name: string, options: DrainOptions, environment: Environment): Promise<void> {
  const { undo = false, wait = false, output } = options;
  const document =
    "mutation DrainNode($input:DrainStorageNodeInput!)" +
    `{drainStorageNode(input:$input){storageNode{${drainedFields}}}}`;
  const node = await withGateway(options, environment, async (client) => {
    const { drainStorageNode } = await ask<{ readonly drainStorageNode: { readonly storageNode: DrainedNode } }>(
      client,
      document,
      JSON.stringify({ input: { name, undo } }),
    );
    return wait ? untilEmpty(name, drainStorageNode.storageNode, client, environment) : drainStorageNode.storageNode;
  });
  const shards = node.shards.map(({ number }) => number);
  const facts = { name, isDraining: node.isDraining, shards };
  await print(`${output === "json" ? JSON.stringify(facts) : textOf(facts)}\n`, environment);
}

const drainedFields = "isDraining shards{number}";

/** Throws CommandFailure when it still owns shards after the longest wait, was removed, or is not drained any more. */
async function untilEmpty(
  name: string,
  drained: DrainedNode,
  client: GatewayClient,
  { clock }: Environment,
): Promise<DrainedNode> {
  const untilMs = clock.monotonicMs() + waitMsMax;
  const document = `query DrainedNode($name:String!){storageNode(name:$name){${drainedFields}}}`;
  let node: DrainedNode | null = drained;
  while (node.shards.length > 0) {
    if (clock.monotonicMs() >= untilMs) {
      const owned = shardsShown(node.shards.map(({ number }) => number));
      const message = `${name} still owns ${owned} after ${waitMsMax / 1_000} s. It stays drained: check with \`shardgate status\` that another storage node of its store is UP.`;
      throw new CommandFailure(message, exitCodes.unavailable);
    }
    await pause(clock, pollMs);
    ({ storageNode: node } = await ask<{ readonly storageNode: DrainedNode | null }>(
      client,
      document,
      JSON.stringify({ name }),
    ));
    if (node === null) throw new CommandFailure(`${name} was removed meanwhile.`, exitCodes.notFound);
    if (!node.isDraining) {
      throw new CommandFailure(`the draining of ${name} was undone meanwhile.`, exitCodes.conflict);
    }
  }
  return node;
}

interface Drained {
  readonly name: string;
  readonly isDraining: boolean;
  readonly shards: readonly number[];
}

function textOf({ name, isDraining, shards }: Drained): string {
  if (!isDraining) return `not draining: ${name} may be given shards again`;
  if (shards.length === 0) return `drained: ${name} owns no shards, and can be stopped`;
  return `draining: ${name} still owns ${shardsShown(shards)}; wait with --wait`;
}
