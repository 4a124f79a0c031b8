/** How a measurement is named wherever it is shown: what was done, by how many clients, on which cluster. */

export function labelOf({ workload, ...row }) {
  return `${workload}, ${settingOf(row)}`;
}

export function settingOf({ clients, nodes, shards, delayMs, workers = 1 }) {
  const parts = [counted(clients, "client"), counted(nodes, "node"), counted(shards, "shard")];
  if (delayMs > 0) parts.push(`${delayMs} ms away`);
  if (workers > 1) parts.push(counted(workers, "worker"));
  return parts.join(", ");
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
