/**
 * The commands of the cluster over the line between a gateway's primary, which leads, and its workers, which follow: what
 * travels, how the primary answers it, and how a worker asks.
 */
import { ShardgateError } from "../../../core/error.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../../registry/cluster-map.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../../wire/membership.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { GatewayBeat, LeaderAnswer, LeaderCommand } from "../../../wire/gateway-peers.js";
import type { AssignRequest, ClusterCommands } from "../cluster-commands.js";
import type { GatewayStatus } from "../peers/gateway-status.js";
import { peerAnswers, type PeerAnswers } from "../peers/peer-answers.js";

/** The commands that a worker passes on to its primary. Each answer comes after the map that it is about. */
type CommandCalls = {
  readonly register: (registration: NodeRegistration) => Promise<NodeAssignments>;
  readonly heartbeat: (sign: { readonly name: string; readonly heartbeat: Heartbeat }) => Promise<NodeAssignments>;
  readonly remove: (node: { readonly name: string; readonly isForced: boolean }) => Promise<readonly ShardNumber[]>;
  readonly assign: (request: AssignRequest) => Promise<ShardRecord>;
  readonly acceptLoss: (name: string) => Promise<void>;
  readonly drain: (node: { readonly name: string; readonly isUndone: boolean }) => Promise<readonly ShardNumber[]>;
  readonly histories: (shards: readonly ShardNumber[]) => Promise<readonly (readonly AssignmentChange[])[]>;
  readonly refresh: (node: string) => Promise<void>;
};

/** What a worker asks its primary. */
export type LeaderCalls = CommandCalls & {
  /** A command of another gateway, which is never passed on a second time. */
  readonly fromPeer: (call: { readonly command: LeaderCommand; readonly body: never }) => unknown;
  readonly beatFrom: (call: { readonly name: string; readonly beat: GatewayBeat }) => Promise<LeaderAnswer>;
  readonly gateways: () => Promise<readonly GatewayStatus[]>;
  /** The storage node has refused a connection of the worker; called without waiting for an answer. */
  readonly refused: (node: string) => void;
};

/** What the primary answers with. */
export interface CalledLeader extends ClusterCommands {
  readonly peers: PeerAnswers;
  gateways(): Promise<readonly GatewayStatus[]>;
}

/** The primary's answers; a change is answered after `known` has resolved. */
export function answersOf(leader: CalledLeader, known: () => Promise<void>): Omit<LeaderCalls, "refused"> {
  const { peers } = leader;
  const ofPeers: Readonly<Record<LeaderCommand, (body: never) => unknown>> = commandAnswers(peers, known);
  return {
    ...commandAnswers(leader, known),
    fromPeer: ({ command, body }) => ofPeers[command](body),
    beatFrom: async ({ name, beat }) => peers.beatFrom(name, beat),
    gateways: () => leader.gateways(),
  };
}

function commandAnswers(leader: ClusterCommands, known: () => Promise<void>): CommandCalls {
  const once = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await change;
    await known();
    return result;
  };
  return {
    register: (registration) => once(leader.register(registration)),
    heartbeat: async ({ name, heartbeat }) => leader.heartbeat(name, heartbeat),
    remove: ({ name, isForced }) => once(leader.remove(name, isForced)),
    assign: (request) => once(leader.assign(request)),
    acceptLoss: (name) => once(leader.acceptLoss(name)),
    drain: ({ name, isUndone }) => once(leader.drain(name, isUndone)),
    histories: (shards) => leader.histories(shards),
    refresh: (node) => once(leader.refresh(node)),
  };
}

type Line = Pick<Peer<LeaderCalls>, "ask" | "tell">;

/** The leader as a worker reaches it, which also takes what the worker's requests show of storage nodes. */
export interface LeaderOfWorker extends CalledLeader {
  /** The storage node has refused a connection of this worker. */
  refused(node: string): void;
}

/** The leader, as a worker reaches it over `line`. */
export function leaderOver(line: Line): LeaderOfWorker {
  /** Rejects with the primary's refusal; with REGISTRY_UNAVAILABLE when it gives no answer: then it may have done it. */
  const ask: Line["ask"] = async (name, body) => {
    try {
      return await line.ask(name, body);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const message = `The gateway's primary process did not answer "${name}". The change may or may not have happened.`;
      throw new ShardgateError("REGISTRY_UNAVAILABLE", message, {}, error);
    }
  };
  const askAsPeer = ((command: LeaderCommand, body: never) => ask("fromPeer", { command, body })) as CommandLine["ask"];
  return {
    ...commandsOver({ ask }),
    peers: peerAnswers(commandsOver({ ask: askAsPeer }), (name, beat) => ask("beatFrom", { name, beat })),
    gateways: () => ask("gateways", null),
    refused: (node) => line.tell("refused", node),
  };
}

type CommandLine = Pick<Peer<CommandCalls>, "ask">;

function commandsOver({ ask }: CommandLine): ClusterCommands {
  return {
    register: (registration) => ask("register", registration),
    heartbeat: (name, heartbeat) => ask("heartbeat", { name, heartbeat }),
    remove: (name, isForced) => ask("remove", { name, isForced }),
    assign: (request) => ask("assign", request),
    async acceptLoss(name) {
      await ask("acceptLoss", name);
    },
    drain: (name, isUndone) => ask("drain", { name, isUndone }),
    histories: (shards) => ask("histories", shards),
    async refresh(node) {
      await ask("refresh", node);
    },
  };
}
