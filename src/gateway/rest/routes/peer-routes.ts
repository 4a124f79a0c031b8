/**
 * `/gateways`: lists the gateways of the cluster, receives their beats at the leader, and receives the commands that
 * they forward. The latter two are for gateways that authenticate with the cluster's secret.
 */
import type { FastifyInstance } from "fastify";
import { membershipBodyBytesMax } from "../../../core/limits.js";
import {
  gatewaysPath,
  leaderCommands,
  leaderPath,
  parseGatewayName,
  type LeaderCommand,
} from "../../../wire/gateway-peers.js";
import type { Heartbeat, NodeRegistration } from "../../../wire/membership.js";
import { parseNodeName } from "../../../registry/node-name.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { AssignRequest } from "../../cluster/cluster-commands.js";
import { parseGatewayBeat } from "../../cluster/peers/received-answers.js";
import type { PeerAnswers } from "../../cluster/peers/peer-answers.js";
import { beatSchema, commandSchema, listSchema } from "../schemas/peer-schemas.js";

export function addPeerRoutes(app: FastifyInstance): void {
  app.get(gatewaysPath, { schema: listSchema }, async ({ services: { membership } }) => {
    const gateways = await membership.gateways();
    return {
      gateways: gateways.map(({ lastSeenAtMs, ...gateway }) => {
        return { ...gateway, lastSeenAt: new Date(lastSeenAtMs).toISOString() };
      }),
    };
  });

  const config = { bodyBytesMax: membershipBodyBytesMax };
  app.post<{ Params: { name: string } }>(
    `${gatewaysPath}/:name/beat`,
    { schema: beatSchema, config },
    async ({ params, body, services: { membership } }) => {
      // Comes first, because it throws for callers that are not gateways.
      const { peers } = membership;
      return peers.beatFrom(parseGatewayName(params.name), parseGatewayBeat(body));
    },
  );

  for (const command of leaderCommands) {
    app.post(leaderPath(command), { schema: commandSchema(command), config }, async ({ body, services }) => {
      return carriedOut(command, services.membership.peers, body as never);
    });
  }
}

/** The bodies of the commands after validation by the schemas. */
interface CommandBodies {
  readonly register: NodeRegistration;
  readonly heartbeat: { readonly name: string; readonly heartbeat: Heartbeat };
  readonly remove: { readonly name: string; readonly isForced: boolean };
  readonly assign: AssignRequest;
  readonly acceptLoss: { readonly name: string };
  readonly drain: { readonly name: string; readonly isUndone: boolean };
  readonly histories: { readonly shards: readonly ShardNumber[] };
  readonly refresh: { readonly node: string };
}

const answers: {
  readonly [Command in LeaderCommand]: (peers: PeerAnswers, body: CommandBodies[Command]) => Promise<object>;
} = {
  register: (peers, registration) => peers.register(registration),
  heartbeat: async (peers, { name, heartbeat }) => peers.heartbeat(parseNodeName(name), heartbeat),
  remove: async (peers, { name, isForced }) => ({ shards: await peers.remove(parseNodeName(name), isForced) }),
  assign: (peers, request) => peers.assign(request),
  async acceptLoss(peers, { name }) {
    await peers.acceptLoss(parseNodeName(name));
    return {};
  },
  drain: async (peers, { name, isUndone }) => ({ shards: await peers.drain(parseNodeName(name), isUndone) }),
  histories: async (peers, { shards }) => ({ histories: await peers.histories(shards) }),
  async refresh(peers, { node }) {
    await peers.refresh(parseNodeName(node));
    return {};
  },
};

function carriedOut(command: LeaderCommand, peers: PeerAnswers, body: never): Promise<object> {
  return answers[command](peers, body);
}
