/**
 * Parses the messages between gateways and refuses malformed ones: another version of the program may have written
 * them. Members and codes that a newer version adds are accepted.
 */
import { isErrorCode, ShardgateError } from "../../../core/error.js";
import {
  epochMax,
  incarnationCharactersMax,
  mapVersionMax,
  momentMsMax,
  nameCharactersMax,
  storageNodesMax,
} from "../../../core/limits.js";
import { parseShard, type ShardNumber } from "../../../core/shard.js";
import { parseGatewayUrl } from "../../../registry/address/node-url.js";
import type { AssignmentChange, ShardRecord } from "../../../registry/cluster-map.js";
import { parseGatewayName, type GatewayBeat, type GatewayRow, type LeaderAnswer } from "../../../wire/gateway-peers.js";
import type { NodeProblem, NodeReportRow } from "../../../wire/node-report.js";

/** Longest silence, in milliseconds: a century. The moment that it began is one that a date can have. */
const silentMsMax = 100 * 366 * 24 * 3_600_000;

/** All throw BAD_REQUEST naming the member that is wrong. */
export function parseGatewayBeat(body: unknown): GatewayBeat {
  const { url, mapVersion, leaderId, seen, refused } = membersOf(body, "The beat");
  return {
    url: urlOrNull(url),
    mapVersion: wholeNumber(mapVersion, "mapVersion", mapVersionMax),
    leaderId: leaderId === null ? null : text(leaderId, "leaderId", incarnationCharactersMax),
    seen: list(seen, "seen", storageNodesMax).map((row) => {
      const [node, silentMs] = pair(row, "seen");
      return [nodeName(node, "seen"), silentMs === null ? null : wholeNumber(silentMs, "seen", silentMsMax)] as const;
    }),
    refused: list(refused, "refused", storageNodesMax).map((node) => nodeName(node, "refused")),
  };
}

export function parseLeaderAnswer(body: unknown): LeaderAnswer {
  const { leaderId, mapVersion, gateways, signs, reports, doubted } = membersOf(body, "The leader's answer");
  return {
    leaderId: text(leaderId, "leaderId", incarnationCharactersMax),
    mapVersion: wholeNumber(mapVersion, "mapVersion", mapVersionMax),
    gateways: list(gateways, "gateways").map(parseGatewayRow),
    signs: list(signs, "signs").map((row) => {
      const [node, silentMs] = pair(row, "signs");
      return [nodeName(node, "signs"), wholeNumber(silentMs, "signs", silentMsMax)] as const;
    }),
    reports: list(reports, "reports").map(parseReportRow),
    doubted: list(doubted, "doubted").map((node) => nodeName(node, "doubted")),
  };
}

/** Shards that a removed storage node had. */
export function parseShardList(body: unknown): readonly ShardNumber[] {
  return list(membersOf(body, "The answer")["shards"], "shards").map((shard) => shardNumber(shard));
}

export function parseShardRecord(body: unknown): ShardRecord {
  const { shard, epoch, primary, lineage, move } = membersOf(body, "The shard");
  return {
    shard: shardNumber(shard),
    epoch: wholeNumber(epoch, "epoch", epochMax),
    primary: primary === null ? null : nodeName(primary, "primary"),
    lineage: wholeNumber(lineage, "lineage"),
    move: move === null ? null : parseMove(move),
  };
}

export function parseHistories(body: unknown): readonly (readonly AssignmentChange[])[] {
  const { histories } = membersOf(body, "The answer");
  return list(histories, "histories").map((history) => list(history, "histories").map(parseChange));
}

function parseGatewayRow(value: unknown): GatewayRow {
  const { name, url, isLeader, mapVersion, silentMs } = membersOf(value, "A gateway");
  if (typeof isLeader !== "boolean") throw wrong("isLeader");
  return {
    name: name === null ? null : parseGatewayName(text(name, "name")),
    url: urlOrNull(url),
    isLeader,
    mapVersion: wholeNumber(mapVersion, "mapVersion", mapVersionMax),
    silentMs: wholeNumber(silentMs, "silentMs", silentMsMax),
  };
}

function parseReportRow(row: unknown): NodeReportRow {
  const [node, report] = pair(row, "reports");
  const { problem, staleShards } = membersOf(report, "A storage node's report");
  return [
    nodeName(node, "reports"),
    {
      problem: problem === null ? null : parseProblem(problem),
      staleShards: list(staleShards, "staleShards").map((shard) => shardNumber(shard)),
    },
  ];
}

function parseProblem(value: unknown): NodeProblem {
  const { code, message, advice, shards, storeId } = membersOf(value, "A storage node's problem");
  return {
    // A newer gateway may have more codes; all of them mean that the shards cannot be served.
    code: isErrorCode(code) ? code : "SHARD_UNAVAILABLE",
    message: text(message, "message"),
    advice: text(advice, "advice"),
    shards: list(shards, "shards").map((shard) => shardNumber(shard)),
    storeId: storeId === null ? null : text(storeId, "storeId"),
  };
}

function parseMove(value: unknown): NonNullable<ShardRecord["move"]> {
  const { id, target, phase } = membersOf(value, "A move");
  if (phase !== "sealed") throw wrong("phase");
  return { id: text(id, "id"), target: nodeName(target, "target"), phase };
}

function parseChange(value: unknown): AssignmentChange {
  const { shard, epoch, node, atMs, cause } = membersOf(value, "A change of an assignment");
  if (cause !== "operator" && cause !== "automatic" && cause !== "registration") throw wrong("cause");
  return {
    shard: shardNumber(shard),
    epoch: wholeNumber(epoch, "epoch", epochMax),
    node: node === null ? null : nodeName(node, "node"),
    atMs: wholeNumber(atMs, "atMs", momentMsMax),
    cause,
  };
}

function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw new ShardgateError("BAD_REQUEST", `${what} must be an object.`);
}

function list(value: unknown, name: string, itemsMax = Infinity): readonly unknown[] {
  if (Array.isArray(value) && value.length <= itemsMax) return value;
  throw wrong(name);
}

function pair(value: unknown, name: string): readonly unknown[] {
  const items = list(value, name);
  if (items.length === 2) return items;
  throw wrong(name);
}

function text(value: unknown, name: string, charactersMax = Infinity): string {
  if (typeof value === "string" && value !== "" && value.length <= charactersMax) return value;
  throw wrong(name);
}

/** A name that storage nodes of any version may have: its form is the registry's business. */
function nodeName(value: unknown, name: string): string {
  return text(value, name, nameCharactersMax);
}

function shardNumber(value: unknown): ShardNumber {
  return parseShard(wholeNumber(value, "shard"));
}

function urlOrNull(value: unknown): string | null {
  return value === null ? null : parseGatewayUrl(text(value, "url"));
}

function wholeNumber(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw wrong(name);
}

function wrong(name: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `\`${name}\` is missing or out of range.`);
}
