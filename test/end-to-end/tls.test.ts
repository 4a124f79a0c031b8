/** A gateway and three storage nodes over mutual TLS, as processes, with certificates that are renewed under load. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Agent, request, type RequestOptions } from "node:https";
import path from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CertificateAuthority, type Certified } from "../support/certificates.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

const ca = new CertificateAuthority("Cluster CA");
const stranger = new CertificateAuthority("Another CA");
const folder = temporaryFolder();
const names = ["gateway", "node1", "node2", "node3"];
const ports = new Map<string, number>();
const runs: Run[] = [];
const certificates = new Map<string, Certified>();

const file = (name: string): string => path.join(folder.path, name);

function renew(name: string): void {
  const made = ca.issue();
  certificates.set(name, made);
  writeFileSync(file(`${name}.crt`), made.cert);
  writeFileSync(file(`${name}.key`), made.key);
}

beforeAll(async () => {
  writeFileSync(file("ca.crt"), ca.cert);
  names.forEach(renew);
  for (const [index, port] of (await freePorts(4)).entries()) ports.set(names[index] ?? "", port);
  const start = (name: string, ...args: readonly string[]): void => {
    const place = ["--port", String(ports.get(name)), "--data", folder.path, "--tls-ca", file("ca.crt")];
    const identity = ["--tls-cert", file(`${name}.crt`), "--tls-key", file(`${name}.key`), "--log-level", "debug"];
    runs.push(shardgate([...args, ...place, ...identity]));
  };
  start("gateway", "gateway", "--shards", "16", "--nodes", "3");
  for (const name of names.slice(1)) {
    start(name, "node", "--id", name, "--gateway", `https://127.0.0.1:${ports.get("gateway")}`);
  }
  await eventually(async () => expect(await send("gateway", { path: "/ready" })).toBe(200));
});
afterAll(async () => {
  await Promise.all(runs.map((run) => run.stop()));
  folder.remove();
});

const keepAlive = new Agent({ keepAlive: true, maxSockets: 4 });
const fresh = new Agent({ keepAlive: false, maxCachedSessions: 0 });

/** The status of the answer. Rejects when there is none. */
function send(name: string, options: RequestOptions, body = ""): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = { host: "127.0.0.1", port: ports.get(name), ca: ca.cert, agent: fresh, ...options };
    request(call, (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)))
      .on("error", reject)
      .end(body);
  });
}

/** The certificate that a process presents now, as PEM. */
async function shownBy(name: string): Promise<string> {
  const client = certificates.get("gateway");
  const socket = connect({ host: "127.0.0.1", port: ports.get(name) ?? 0, ca: ca.cert, ...client });
  await once(socket, "secureConnect");
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return certificate?.toString() ?? "";
}

describe("a cluster over mutual TLS", () => {
  it("uses https in every URL that it prints", async () => {
    for (const run of runs) expect(run.stdout).toMatch(/^listening https:\/\/127\.0\.0\.1:\d+\n/);
    const status = shardgate(["status", "-e", `https://127.0.0.1:${ports.get("gateway")}`, "--tls-ca", file("ca.crt")]);
    expect([await status.ended(), status.stdout]).toEqual([
      0,
      expect.stringContaining(`https://127.0.0.1:${ports.get("node3")}`),
    ]);
  });

  it("refuses everyone else at its storage nodes", async () => {
    for (const identity of [{}, stranger.issue(), stranger.issue({ hosts: ["gateway"] })]) {
      const sending = send("node1", { path: "/health", ...identity });
      await expect(sending).rejects.toMatchObject({ code: expect.stringMatching(/^(ERR_SSL|ECONNRESET)/) });
    }
    expect(await send("node1", { path: "/health", ...certificates.get("node2") })).toBe(200);
    await expect(send("gateway", { path: "/health", ca: stranger.cert })).rejects.toMatchObject({
      code: expect.stringMatching(/SIGNATURE|SELF_SIGNED|UNABLE/),
    });
  });

  it("renews all certificates under load without a failed request", async () => {
    let isOver = false;
    const statuses = new Map<number, number>();
    const worker = async (agent: Agent, id: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const call = { path: `/data/k${id}-${count % 50}`, agent };
        const status =
          count % 2 === 0 ? await send("gateway", { ...call, method: "PUT" }, "1") : await send("gateway", call);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const load = [0, 1, 2, 3, 4, 5].map((id) => worker(id % 2 === 0 ? keepAlive : fresh, id));
    names.forEach(renew);
    for (const name of names) {
      await eventually(async () => expect(await shownBy(name)).toBe(certificates.get(name)?.cert));
    }
    const atRenewal = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    await eventually(() => {
      expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(atRenewal + 100);
    });
    isOver = true;
    await Promise.all(load);
    expect([...statuses.keys()].filter((status) => ![200, 201, 404].includes(status))).toEqual([]);
    for (const run of runs) expect(run.stderr).toContain("Renewed TLS certificates were loaded.");
  });

  it("keeps the old certificate when the new file is invalid, and loads the next valid one", async () => {
    const { cert = "" } = certificates.get("node1") ?? {};
    writeFileSync(file("node1.crt"), "broken");
    const node1 = runs[1];
    await eventually(() =>
      expect(node1?.stderr).toContain("New TLS certificates cannot be used; the old ones stay in use."),
    );
    expect(await shownBy("node1")).toBe(cert);
    expect(await send("gateway", { path: "/ready" })).toBe(200);
    renew("node1");
    await eventually(async () => expect(await shownBy("node1")).toBe(certificates.get("node1")?.cert));
  });
});
