/**
 * The bodies of requests between the gateways of one cluster. Each follower sends the leader one GatewayBeat a second
 * (`POST /gateways/{name}/beat`); the answer has everything that a follower needs beside the cluster map. Followers
 * forward commands that change the cluster (`POST /gateways/leader/{command}`). Storage nodes do not use these
 * requests.
 */
import { ShardgateError } from "../core/error.js";
import type { NodeReportRows } from "./node-report.js";

/** Sent by a follower to the leader, each second. */
export interface GatewayBeat {
  /** Where this gateway serves clients and storage nodes; null: unknown. */
  readonly url: string | null;
  readonly mapVersion: number;
  /** The leader that it follows; a leader accepts only its own id. */
  readonly leaderId: string | null;
  /** One row for each storage node that the last answer doubted. */
  readonly seen: readonly NodeVerdict[];
  /** Storage nodes that have refused connections since the last beat. */
  readonly refused: readonly string[];
}

/**
 * Milliseconds since the gateway last heard from the storage node; null: it probed the node without hearing from it
 * lately.
 */
export type NodeVerdict = readonly [node: string, silentMs: number | null];

export interface LeaderAnswer {
  readonly leaderId: string;
  readonly mapVersion: number;
  /** The leader is first. */
  readonly gateways: readonly GatewayRow[];
  /** For each storage node that was ever heard from, the milliseconds since then. */
  readonly signs: readonly (readonly [node: string, silentMs: number])[];
  readonly reports: NodeReportRows;
  /** Silent storage nodes, which the leader may soon declare DOWN: followers probe them and report in the next beat. */
  readonly doubted: readonly string[];
}

export interface GatewayRow {
  /** Null: a leader without a name. */
  readonly name: string | null;
  readonly url: string | null;
  readonly isLeader: boolean;
  /** The version of the gateway's cluster map. */
  readonly mapVersion: number;
  /** Milliseconds since the leader last heard from the gateway. */
  readonly silentMs: number;
}

/** The commands that a gateway forwards to the leader, named as in ClusterCommands. */
export const leaderCommands = [
  "register",
  "heartbeat",
  "remove",
  "assign",
  "acceptLoss",
  "drain",
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

/** Longest name of a gateway: a DNS host name with a port. */
export const gatewayNameCharactersMax = 260;

/** The characters of a gateway's name: those of a host, a port and an IPv6 address in brackets. */
export const gatewayNamePattern = `^[A-Za-z0-9[][A-Za-z0-9._:[\\]-]{0,${gatewayNameCharactersMax - 1}}$`;

const namePattern = new RegExp(gatewayNamePattern);

/** The gateway's name in `text`, by default its host and port. Throws BAD_REQUEST. */
export function parseGatewayName(text: string): string {
  if (namePattern.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, gatewayNameCharactersMax + 1));
  const message = `The gateway's name ${shown} is not 1 to ${gatewayNameCharactersMax} letters, digits, \`.\`, \`_\`, \`-\`, \`:\` and brackets.`;
  throw new ShardgateError("BAD_REQUEST", message);
}
