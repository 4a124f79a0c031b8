/** The gateway's answer about a shard, and its presentation. */
import { objectText } from "../terminal/json-output.js";
import type { Columns } from "../terminal/print.js";

/** The selection of `shardFields`. */
export interface ShardAnswer {
  readonly number: number;
  readonly state: string;
  readonly epoch: number;
  readonly primary: { readonly name: string; readonly url: string; readonly state: string } | null;
}

export const shardFields = "number state epoch primary{name url state}";

/** The selection of `figureFields`: decimal numbers, null when the primary does not report them. */
export interface ShardFigures extends ShardAnswer {
  readonly keyCount: string | null;
  readonly sizeBytes: string | null;
}

export const figureFields = `${shardFields} keyCount sizeBytes`;

export const shardColumns: Columns<ShardAnswer> = [
  { title: "shard", isRight: true, of: ({ number }) => number },
  { title: "state", isState: true, of: ({ state }) => state },
  { title: "epoch", isRight: true, of: ({ epoch }) => epoch },
  { title: "primary", of: ({ primary }) => primary?.name ?? null },
  { title: "url", of: ({ primary }) => primary?.url ?? null },
];

export const figureColumns: Columns<ShardFigures> = [
  ...shardColumns.slice(0, -1),
  { title: "keys", isRight: true, of: ({ keyCount }) => keyCount },
  { title: "bytes", isRight: true, of: ({ sizeBytes }) => sizeBytes },
  ...shardColumns.slice(-1),
];

/** JSON text of a shard, followed by the members `more`. */
export function shardText(
  { number, state, epoch, primary }: ShardAnswer,
  more: Readonly<Record<string, string>> = {},
): string {
  return objectText({
    number: String(number),
    state: JSON.stringify(state),
    epoch: String(epoch),
    primary: JSON.stringify(primary),
    ...more,
  });
}

/** JSON text of a shard with its figures; decimal texts of GraphQL are numbers here, with all digits. */
export function figuresText(shard: ShardFigures): string {
  return shardText(shard, { keyCount: shard.keyCount ?? "null", sizeBytes: shard.sizeBytes ?? "null" });
}
