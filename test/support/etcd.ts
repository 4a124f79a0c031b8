/** A real etcd of one or more members, where it is installed: processes of its own, with all files in one folder. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Certified } from "./certificates.js";
import { eventually, freePorts, Run, temporaryFolder } from "./processes.js";
import { programPath } from "./program-path.js";

export const etcdPath = programPath("etcd");

export interface EtcdMember {
  readonly origin: string;
  readonly run: Run;
}

export interface EtcdTls extends Certified {
  /** Of the clients' certificates, which are demanded. */
  readonly ca: string;
}

/** Resolves when all members answer. */
export async function startEtcd(
  count = 1,
  tls?: EtcdTls,
  moreArgs: readonly string[] = [],
): Promise<readonly EtcdMember[]> {
  if (etcdPath === undefined) throw new Error("etcd is not installed.");
  const ports = await freePorts(3 * count);
  const { path: folder } = temporaryFolder();
  const places = Array.from({ length: count }, (_, index) => ({
    name: `m${index}`,
    client: `${tls === undefined ? "http" : "https"}://127.0.0.1:${ports[3 * index]}`,
    peer: `http://127.0.0.1:${ports[3 * index + 1]}`,
    health: `http://127.0.0.1:${ports[3 * index + 2]}`,
  }));
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const certificates = tls === undefined ? [] : tlsArguments(folder, tls);
  const members = places.map(({ name, client, peer, health }) => {
    const args = ["--name", name, "--data-dir", path.join(folder, name), "--initial-cluster", cluster];
    args.push("--listen-client-urls", client, "--advertise-client-urls", client);
    args.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    args.push("--listen-metrics-urls", health, ...certificates);
    args.push("--heartbeat-interval", "100", "--election-timeout", "1000", ...moreArgs);
    return { origin: client, run: new Run(etcdPath, args) };
  });
  for (const { health } of places) await eventually(() => isHealthy(health));
  return members;
}

function tlsArguments(folder: string, { cert, key, ca }: EtcdTls): readonly string[] {
  const files = Object.entries({ "cert-file": cert, "key-file": key, "trusted-ca-file": ca });
  const args = files.flatMap(([name, pem]) => {
    const file = path.join(folder, name);
    writeFileSync(file, pem);
    return [`--${name}`, file];
  });
  return [...args, "--client-cert-auth"];
}

async function isHealthy(origin: string): Promise<void> {
  const answer = await fetch(`${origin}/health`);
  const { health } = (await answer.json()) as { readonly health: string };
  if (health !== "true") throw new Error(`${origin} is not healthy.`);
}
