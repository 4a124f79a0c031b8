/**
 * The commands of the cluster over the line between a gateway's primary, which leads, and its workers, which follow: what
 * travels, how the primary answers it, and how a worker asks.
 */
import { ShardgateError } from "../../../core/error.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignmentChange, ShardRecord } from "../../../registry/cluster-map.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../../wire/membership.js";
import { NoAnswer, type Peer } from "../../../wire/peer.js";
import type { AssignRequest, ClusterCommands } from "../cluster-commands.js";

/** What a worker asks its primary. Each answer comes after the map that it is about. */
export type LeaderCalls = {
  readonly register: (registration: NodeRegistration) => Promise<NodeAssignments>;
  readonly heartbeat: (sign: { readonly name: string; readonly heartbeat: Heartbeat }) => Promise<NodeAssignments>;
  readonly remove: (node: { readonly name: string; readonly isForced: boolean }) => Promise<readonly ShardNumber[]>;
  readonly assign: (request: AssignRequest) => Promise<ShardRecord>;
  readonly acceptLoss: (name: string) => Promise<void>;
  readonly histories: (shards: readonly ShardNumber[]) => Promise<readonly (readonly AssignmentChange[])[]>;
  readonly refresh: (node: string) => Promise<void>;
};

/** How the primary answers; a change is answered once `known` has resolved after it. */
export function answersOf(leader: ClusterCommands, known: () => Promise<void>): LeaderCalls {
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
    histories: (shards) => leader.histories(shards),
    refresh: (node) => once(leader.refresh(node)),
  };
}

/** The leader, as a worker reaches it over `line`. */
export function leaderOver(line: Pick<Peer<LeaderCalls>, "ask">): ClusterCommands {
  /** Rejects with the primary's refusal; with REGISTRY_UNAVAILABLE when it gives no answer: then it may have done it. */
  const ask: Pick<Peer<LeaderCalls>, "ask">["ask"] = async (name, body) => {
    try {
      return await line.ask(name, body);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const message = `The gateway's primary process did not answer "${name}". The change may or may not have happened.`;
      throw new ShardgateError("REGISTRY_UNAVAILABLE", message, {}, error);
    }
  };
  return {
    register: (registration) => ask("register", registration),
    heartbeat: (name, heartbeat) => ask("heartbeat", { name, heartbeat }),
    remove: (name, isForced) => ask("remove", { name, isForced }),
    assign: (request) => ask("assign", request),
    async acceptLoss(name) {
      await ask("acceptLoss", name);
    },
    histories: (shards) => ask("histories", shards),
    async refresh(node) {
      await ask("refresh", node);
    },
  };
}
