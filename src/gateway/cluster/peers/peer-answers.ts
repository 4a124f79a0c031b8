/**
 * Requests that other gateways of the cluster may send to this one, over any transport. Only a gateway that leads
 * answers them.
 */
import type { GatewayBeat, LeaderAnswer } from "../../../wire/gateway-peers.js";
import type { ClusterCommands } from "../cluster-commands.js";

/**
 * All reject with REGISTRY_CONFLICT while this gateway does not lead; nothing is passed on a second time, so that gateways
 * that disagree about their leader never send a request in a circle.
 */
export interface PeerAnswers extends ClusterCommands {
  /**
   * Takes the beat of gateway `name`, with the signs of life that it received from storage nodes. Rejects with
   * REGISTRY_CONFLICT when it follows another.
   */
  beatFrom(name: string, beat: GatewayBeat): LeaderAnswer | Promise<LeaderAnswer>;
}

/** `commands`, and how beats are answered. */
export function peerAnswers(commands: ClusterCommands, beatFrom: PeerAnswers["beatFrom"]): PeerAnswers {
  return {
    register: (registration) => commands.register(registration),
    heartbeat: (name, heartbeat) => commands.heartbeat(name, heartbeat),
    remove: (name, isForced) => commands.remove(name, isForced),
    assign: (request) => commands.assign(request),
    acceptLoss: (name) => commands.acceptLoss(name),
    drain: (name, isUndone) => commands.drain(name, isUndone),
    histories: (shards) => commands.histories(shards),
    refresh: (node) => commands.refresh(node),
    beatFrom,
  };
}
