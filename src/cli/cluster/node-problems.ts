/** Describes problems of storage nodes, and those that are drained, and what to do about them, in lines below a table. */
import { printable } from "../terminal/table.js";
import { shardsShown } from "./missing-shards.js";
import type { NodeAnswer } from "./node-answer.js";

type Node = Pick<NodeAnswer, "name" | "problem" | "staleShards">;
type ListedNode = Node & Pick<NodeAnswer, "shards" | "isDraining">;

/** Lines that end with a line feed, after an empty line; empty when there are no problems. */
export function problemsText(nodes: readonly ListedNode[]): string {
  const lines = nodes.flatMap((node) => [...problemLines(node), ...staleLines(node), ...drainingLines(node)]);
  return lines.length === 0 ? "" : `\n${lines.map((line) => `${printable(line)}\n`).join("")}`;
}

/** For example `1 storage node has a problem`; null when none has. */
export function problemCountText(nodes: readonly Node[]): string | null {
  const count = nodes.filter(({ problem }) => problem !== null).length;
  if (count === 0) return null;
  return count === 1 ? "1 storage node has a problem" : `${count} storage nodes have a problem`;
}

function problemLines({ name, problem }: Node): readonly string[] {
  if (problem === null) return [];
  const { code, message, advice, shards, storeId } = problem;
  const store = storeId === null ? "" : `, store ${storeId}`;
  const unserved = shards.length === 0 ? "" : `, ${shardsShown(shards)} not served`;
  return [`${name}${store}${unserved}: ${message} (${code})`, `  ${advice}`];
}

/** An operator may have forgotten it, and wonder why it owns nothing. */
function drainingLines({ name, shards, isDraining }: ListedNode): readonly string[] {
  if (isDraining !== true) return [];
  const left =
    shards.length === 0 ? "owns no shards any more" : `still owns ${shardsShown(shards.map(({ number }) => number))}`;
  return [
    `${name} is draining: it is given no shards, and ${left}.`,
    `  To end that, run \`shardgate node drain ${name} --undo\`.`,
  ];
}

/** A storage node that was away returns with data that another one owns now. */
function staleLines({ name, staleShards }: Node): readonly string[] {
  if (staleShards.length === 0) return [];
  return [
    `${name} still has data of ${shardsShown(staleShards)}, now owned by other storage nodes; clients do not see these data.`,
    `  To serve them again, assign the shard to ${name} with \`shardgate shard assign\` and --force.`,
  ];
}
