/**
 * What the gateways of one cluster say to each other over HTTP. Each follower sends the gateway that leads one GatewayBeat a
 * second (`POST /gateways/{name}/beat`) and is answered with all that it has to know beside the cluster map; and it passes
 * on what changes the cluster (`POST /gateways/leader/{command}`). Storage nodes have no part in this.
 */
import { ShardgateError } from "../core/error.js";
import type { NodeReportRows } from "./node-report.js";

/** From a follower to the leader, each second. */
export interface GatewayBeat {
  /** Where this gateway answers clients and storage nodes; null: it does not say. */
  readonly url: string | null;
  readonly mapVersion: number;
  /** Whom it follows; a leader answers its own id only. */
  readonly leaderId: string | null;
  /** One row for each storage node that the last answer doubted. */
  readonly seen: readonly NodeVerdict[];
  /** Storage nodes whose connections were refused since the last beat. */
  readonly refused: readonly string[];
}

/** How long ago the gateway heard of the storage node; null: it looked for it, and did not hear of it lately. */
export type NodeVerdict = readonly [node: string, silentMs: number | null];

export interface LeaderAnswer {
  readonly leaderId: string;
  readonly mapVersion: number;
  /** The leader first. */
  readonly gateways: readonly GatewayRow[];
  /** Of each storage node that was ever heard of, how long ago that was. */
  readonly signs: readonly (readonly [node: string, silentMs: number])[];
  readonly reports: NodeReportRows;
  /** Silent storage nodes, which the leader may soon call DOWN: followers look for them, and answer in the next beat. */
  readonly doubted: readonly string[];
}

export interface GatewayRow {
  /** Null: a leader that has none. */
  readonly name: string | null;
  readonly url: string | null;
  readonly isLeader: boolean;
  /** Of the cluster map that it goes by. */
  readonly mapVersion: number;
  /** Since the leader heard of it. */
  readonly silentMs: number;
}

/** What a gateway passes on to the one that leads; named as in ClusterCommands. */
export const leaderCommands = [
  "register",
  "heartbeat",
  "remove",
  "assign",
  "acceptLoss",
  "histories",
  "refresh",
] as const;

export type LeaderCommand = (typeof leaderCommands)[number];

export const gatewaysPath = "/gateways";

export function beatPath(name: string): string {
  return `${gatewaysPath}/${encodeURIComponent(name)}/beat`;
}

export function leaderPath(command: LeaderCommand): string {
  return `${gatewaysPath}/leader/${command}`;
}

/** Longest name of a gateway: a host name of DNS with a port. */
export const gatewayNameCharactersMax = 260;

/** What a name of a gateway is made of: what a host, a port and an IPv6 address in brackets are. */
export const gatewayNamePattern = `^[A-Za-z0-9[][A-Za-z0-9._:[\\]-]{0,${gatewayNameCharactersMax - 1}}$`;

const namePattern = new RegExp(gatewayNamePattern);

/** The gateway's name in `text`, by default its host and port. Throws BAD_REQUEST. */
export function parseGatewayName(text: string): string {
  if (namePattern.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, gatewayNameCharactersMax + 1));
  const message = `The gateway's name ${shown} is not 1 to ${gatewayNameCharactersMax} letters, digits, \`.\`, \`_\`, \`-\`, \`:\` and brackets.`;
  throw new ShardgateError("BAD_REQUEST", message);
}
