/** Answers to the gateways that follow this one: the leader's while this gateway leads, otherwise a refusal. */
import type { ClusterLeader } from "../leader/cluster-leader.js";
import type { PeerAnswers } from "../peers/peer-answers.js";

/** `leader` throws while this gateway does not lead. Nothing is passed on to a third gateway. */
export function ownAnswers(leader: () => ClusterLeader): PeerAnswers {
  return {
    register: async (registration) => leader().register(registration),
    heartbeat: async (name, heartbeat) => leader().heartbeat(name, heartbeat),
    remove: async (name, isForced) => leader().remove(name, isForced),
    assign: async (request) => leader().assign(request),
    acceptLoss: async (name) => leader().acceptLoss(name),
    drain: async (name, isUndone) => leader().drain(name, isUndone),
    histories: async (shards) => leader().histories(shards),
    refresh: async (node) => leader().refresh(node),
    beatFrom: async (name, beat) => leader().peers.beatFrom(name, beat),
  };
}
