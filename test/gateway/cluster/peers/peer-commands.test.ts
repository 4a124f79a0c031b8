/** A follower in another gateway has the same commands, over real sockets with TLS and the cluster's secret. */
import { afterEach } from "vitest";
import { testClusterCommands } from "../../../conformance/cluster-commands.js";
import { ClusterFollower } from "../../../../src/gateway/cluster/follower/cluster-follower.js";
import { noEvidence } from "../../../../src/gateway/cluster/node-evidence.js";
import { HttpLeaderTransport } from "../../../../src/gateway/cluster/peers/http-leader-transport.js";
import { openPrimary } from "../workers/open-primary.js";
import { callerTls, serveMembership, tokens } from "./served-leader.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

// The leader's gateway has workers, and one of them is asked: whatever answers, it is the primary that leads.
testClusterCommands("ClusterFollower over HTTP to a worker of the leader", async () => {
  const { membership, nodes, store, clock, log, join } = await openPrimary();
  const gateway = await serveMembership(join().membership, { clock, log });
  const transport = new HttpLeaderTransport({ token: tokens.peerToken, clock, tls: callerTls });
  opened.push(transport, gateway);
  const { cluster, liveness, pool, membership: ofWorker } = join();
  const { peers } = ofWorker;
  const leader = transport.commands({ name: "g1", url: gateway.url });
  const gateways = () => ofWorker.gateways();
  const none = { refused() {}, evidence: noEvidence };
  const follower = new ClusterFollower({ cluster, leader, peers, gateways, ...none, liveness, pool, log });
  return { cluster: follower, start: () => membership.start(), nodes, store, clock };
});
