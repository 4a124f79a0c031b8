/** `shardgate status`: the cluster at a glance. Its gateways are listed when there are several. */
import type { Command } from "commander";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { objectText } from "../terminal/json-output.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { factsText } from "../terminal/table.js";
import { missingShardsText } from "./missing-shards.js";
import { askForNodes, nodeColumns, nodeText, type NodeAnswer } from "./node-answer.js";
import { problemCountText, problemsText } from "./node-problems.js";
import { figureFields, type ShardFigures } from "./shard-answer.js";

interface StatusOptions extends ConnectionOptions {
  readonly output: Format;
}

export function addStatusCommand(program: Command, environment: Environment): void {
  const command = program
    .command("status")
    .description("Show the health, shards, storage nodes and gateways of the cluster.")
    .addOption(outputOption())
    .action((options: StatusOptions) => runStatus(options, environment));
  addExample(addConnectionOptions(command), "status");
}

async function runStatus(options: StatusOptions, environment: Environment): Promise<void> {
  const cluster = await withGateway(options, environment, askForCluster);
  const text = options.output === "json" ? jsonOf(cluster) : textOf(cluster, environment);
  await print(text, environment);
}

async function askForCluster(client: GatewayClient): Promise<ShownCluster> {
  const { cluster } = await askForNodes<{ readonly cluster: ClusterAnswer }>(client, documentWith);
  return { ...cluster, gateways: cluster.gateways ?? [] };
}

/** The selection of the document. */
interface ClusterAnswer {
  readonly name: string;
  readonly mapVersion: number;
  readonly shardCount: number;
  readonly shards: readonly ShardFigures[];
  readonly storageNodes: readonly NodeAnswer[];
  /** Absent in the answer of a gateway of the previous release. */
  readonly gateways?: readonly GatewayAnswer[];
}

type ShownCluster = ClusterAnswer & Required<Pick<ClusterAnswer, "gateways">>;

interface GatewayAnswer {
  readonly name: string | null;
  readonly url: string | null;
  readonly isLeader: boolean;
  readonly mapVersion: number;
  readonly lastSeenAt: string;
}

const gatewayFields = "name url isLeader mapVersion lastSeenAt";
const documentWith = (nodeFields: string, isPrevious: boolean): string => {
  const gateways = isPrevious ? "" : `gateways{${gatewayFields}}`;
  return `{cluster{name mapVersion shardCount shards{${figureFields}}storageNodes{${nodeFields}}${gateways}}}`;
};

/** Sums of the shards' figures; null when a primary does not report its own. */
interface Figures {
  readonly keyCount: bigint | null;
  readonly sizeBytes: bigint | null;
}

type NodeStatus = NodeAnswer & Figures;

const columns: Columns<NodeStatus> = [
  ...nodeColumns.slice(0, 3),
  { title: "keys", isRight: true, of: ({ keyCount }) => textOfCount(keyCount) },
  { title: "bytes", isRight: true, of: ({ sizeBytes }) => textOfCount(sizeBytes) },
  ...nodeColumns.slice(3),
];

const gatewayColumns: Columns<GatewayAnswer> = [
  { title: "gateway", of: ({ name }) => name },
  { title: "role", of: ({ isLeader }) => (isLeader ? "leader" : "follower") },
  { title: "map version", isRight: true, of: ({ mapVersion }) => mapVersion },
  { title: "last seen", of: ({ lastSeenAt }) => lastSeenAt },
  { title: "url", of: ({ url }) => url },
];

function textOf(cluster: ShownCluster, environment: Environment): string {
  const { name, mapVersion, shardCount, shards, storageNodes, gateways } = cluster;
  const { keyCount, sizeBytes } = figuresOf(shards);
  const health = [missingShardsText(shards) ?? "every shard has a live primary", problemCountText(storageNodes)];
  const facts = factsText([
    ["cluster", name],
    ["health", health.filter((part) => part !== null).join("; ")],
    ["map version", String(mapVersion)],
    ["shards", String(shardCount)],
    ["keys", textOfCount(keyCount) ?? "-"],
    ["bytes", textOfCount(sizeBytes) ?? "-"],
  ]);
  const nodes = tableOf(nodesOf(cluster), columns, environment);
  const ofNodes = nodes === "" ? "" : `\n${nodes}${problemsText(storageNodes)}`;
  const ofGateways = gateways.length < 2 ? "" : `\n${tableOf(gateways, gatewayColumns, environment)}`;
  return facts + ofNodes + ofGateways;
}

function jsonOf(cluster: ShownCluster): string {
  const { name, mapVersion, shardCount, shards, gateways } = cluster;
  const count = (state: string): number => shards.filter((shard) => shard.state === state).length;
  const states = { active: count("ACTIVE"), unavailable: count("UNAVAILABLE"), unassigned: count("UNASSIGNED") };
  const nodes = nodesOf(cluster).map((node) => nodeText(node, figureMembers(node)));
  return `${objectText({
    name: JSON.stringify(name),
    isHealthy: String(missingShardsText(shards) === null),
    mapVersion: String(mapVersion),
    shardCount: String(shardCount),
    shardStates: JSON.stringify(states),
    ...figureMembers(figuresOf(shards)),
    storageNodes: `[${nodes.join(",")}]`,
    gateways: JSON.stringify(gateways),
  })}\n`;
}

function figureMembers({ keyCount, sizeBytes }: Figures): Readonly<Record<string, string>> {
  return { keyCount: String(keyCount), sizeBytes: String(sizeBytes) };
}

function nodesOf({ shards, storageNodes }: ClusterAnswer): readonly NodeStatus[] {
  return storageNodes.map((node) => ({
    ...node,
    ...figuresOf(shards.filter(({ primary }) => primary?.name === node.name)),
  }));
}

/** A shard without a primary has no figures to add. */
function figuresOf(shards: readonly ShardFigures[]): Figures {
  const owned = shards.filter(({ primary }) => primary !== null);
  return { keyCount: sum(owned.map((shard) => shard.keyCount)), sizeBytes: sum(owned.map((shard) => shard.sizeBytes)) };
}

function sum(texts: readonly (string | null)[]): bigint | null {
  let total = 0n;
  for (const text of texts) {
    if (text === null) return null;
    total += BigInt(text);
  }
  return total;
}

function textOfCount(count: bigint | null): string | null {
  return count === null ? null : String(count);
}
