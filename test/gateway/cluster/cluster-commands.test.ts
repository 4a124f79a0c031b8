/** The leader, and a follower over a line of messages, have the same commands. */
import { testClusterCommands } from "../../conformance/cluster-commands.js";
import { openPrimary } from "./workers/open-primary.js";

testClusterCommands("ClusterLeader", async () => {
  const { membership, nodes, store, clock } = await openPrimary();
  return { cluster: membership, start: () => membership.start(), nodes, store, clock };
});

testClusterCommands("ClusterFollower over a line to the primary", async () => {
  const { membership, nodes, store, clock, join } = await openPrimary();
  join();
  return { cluster: join().membership, start: () => membership.start(), nodes, store, clock };
});
