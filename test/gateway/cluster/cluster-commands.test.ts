/** The leader, a follower over a line of messages, and a member of several gateways in both its roles have the same commands. */
import { testClusterCommands } from "../../conformance/cluster-commands.js";
import { heartbeatIntervalMs } from "../../../src/core/limits.js";
import { Members } from "./member/open-members.js";
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

testClusterCommands("ClusterMember whose registry no other gateway shares", async () => {
  const members = new Members();
  const { member: cluster } = await members.openAlone("a");
  return { ...members, store: members.shared.current, cluster, start: () => cluster.start() };
});

testClusterCommands("ClusterMember that leads", async () => {
  const members = new Members();
  const { member: cluster } = await members.open("a", { isWatching: false });
  // One that sends beats has to agree before a storage node is DOWN, and is asked only by a leader that watches.
  await members.open("b", { isWatching: false });
  return { ...members, store: members.shared.current, cluster, start: () => cluster.start() };
});

testClusterCommands("ClusterMember that follows", async () => {
  const members = new Members();
  const { member: leader } = await members.open("a", { isWatching: false });
  const { member: cluster } = await members.open("b");
  await members.clock.advance(heartbeatIntervalMs);
  return { ...members, store: members.shared.current, cluster, start: () => leader.start() };
});

testClusterCommands("ClusterMember that leads after another one", async () => {
  const members = new Members();
  const first = await members.open("a", { isWatching: false });
  const { member: cluster } = await members.open("b", { isWatching: false });
  await members.clock.advance(heartbeatIntervalMs);
  await first.end();
  await members.clock.advance(heartbeatIntervalMs);
  return { ...members, store: members.shared.current, cluster, start: () => cluster.start() };
});

testClusterCommands("ClusterFollower over a line to a primary that follows", async () => {
  const members = new Members();
  const { member: leader } = await members.open("a", { isWatching: false });
  const { join } = await members.open("b");
  await members.clock.advance(heartbeatIntervalMs);
  const { membership: cluster } = join();
  return { ...members, store: members.shared.current, cluster, start: () => leader.start() };
});
