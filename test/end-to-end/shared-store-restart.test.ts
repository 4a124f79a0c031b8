/** Storage nodes of a shared store are restarted one after the other under a gateway, while clients write. */
import { expect, it, onTestFinished } from "vitest";
import { MemoryContent } from "../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { startLiveCluster, startLiveNode } from "../support/live-cluster.js";
import { eventually } from "../support/processes.js";
import { expectKept, startWriters } from "../support/writers.js";

it("storage nodes of a shared store end, one after the other, and come back without a failed write", async () => {
  const content = new MemoryContent("shared1");
  const node = (name: string) => ({ name, engine: new MemoryEngine(null, content, name) });
  const cluster = await startLiveCluster(8, [node("node1"), node("node2")]);
  onTestFinished(() => cluster.close());
  const owners = () => new Set(cluster.registry.map.shards.map(({ primary }) => primary));
  const registrations = () => cluster.log.lines.filter(({ message }) => message.includes("has registered with")).length;
  const writers = startWriters(cluster.origin);
  const untilWritten = (): Promise<void> => {
    const before = writers.acknowledged.size;
    return eventually(async () => expect(writers.acknowledged.size).toBeGreaterThan(before + 100));
  };
  for (const [index, [name, other]] of [["node1", "node2"] as const, ["node2", "node1"] as const].entries()) {
    await untilWritten();
    await cluster.nodes[index]?.leave();
    expect(owners()).toEqual(new Set([other]));
    await cluster.nodes[index]?.drain();
    await untilWritten();
    const restarted = await startLiveNode(node(name), cluster.origin, cluster.log);
    onTestFinished(() => restarted.drain());
    await eventually(async () => expect(registrations()).toBe(3 + index));
  }
  await untilWritten();
  await writers.stop();
  expect([...writers.codes]).toEqual([]);
  await expectKept(cluster.origin, writers.acknowledged);
});
