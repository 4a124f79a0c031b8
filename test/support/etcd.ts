/** A real etcd of one or more members, where it is installed: processes of its own, with all files in one folder. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { eventually, freePorts, Run, temporaryFolder } from "./processes.js";

export const etcdPath = (process.env["PATH"] ?? "")
  .split(":")
  .map((folder) => path.join(folder, "etcd"))
  .find(isExecutable);

export interface EtcdMember {
  readonly origin: string;
  readonly run: Run;
}

/** Resolves when all members answer. */
export async function startEtcd(count = 1): Promise<readonly EtcdMember[]> {
  if (etcdPath === undefined) throw new Error("etcd is not installed.");
  const ports = await freePorts(2 * count);
  const { path: folder } = temporaryFolder();
  const places = Array.from({ length: count }, (_, index) => ({
    name: `m${index}`,
    client: `http://127.0.0.1:${ports[2 * index]}`,
    peer: `http://127.0.0.1:${ports[2 * index + 1]}`,
  }));
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const members = places.map(({ name, client, peer }) => {
    const args = ["--name", name, "--data-dir", path.join(folder, name), "--initial-cluster", cluster];
    args.push("--listen-client-urls", client, "--advertise-client-urls", client);
    args.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    args.push("--heartbeat-interval", "100", "--election-timeout", "1000");
    return { origin: client, run: new Run(etcdPath, args) };
  });
  for (const { origin } of members) await eventually(() => isHealthy(origin));
  return members;
}

async function isHealthy(origin: string): Promise<void> {
  const answer = await fetch(`${origin}/health`);
  const { health } = (await answer.json()) as { readonly health: string };
  if (health !== "true") throw new Error(`${origin} is not healthy.`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
