import { once } from "node:events";
import { request as httpRequest, type Server } from "node:http";
import { Agent, request } from "node:https";
import { connect as connectPlain, type AddressInfo } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { noTls, type TlsSource } from "../../src/tls/tls-source.js";
import { createWebServer } from "../../src/tls/web-server.js";
import { CertificateAuthority } from "../support/certificates.js";
import { RecordLog } from "../support/record-log.js";
import { RenewableTls } from "../support/renewable-tls.js";

const ca = new CertificateAuthority("Cluster CA");
const publicCa = new CertificateAuthority("Public CA");
const stranger = new CertificateAuthority("Another CA");
const server = ca.issue();
const client = ca.issue({ hosts: ["gateway"] });

async function serve(tls: TlsSource, isMutual = false) {
  const log = new RecordLog();
  const clientErrors: Error[] = [];
  const web = createWebServer({ tls, isMutual, log, options: { headersTimeout: 1_000 } }, (_request, response) =>
    response.end("served"),
  );
  // As fastify does: a client that sends no HTTP is answered, as long as the socket is writable.
  web.on("clientError", (error: Error, socket: TLSSocket) => {
    clientErrors.push(error);
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => closed(web));
  return { web, log, clientErrors, port: (web.address() as AddressInfo).port };
}

async function closed(web: Server): Promise<void> {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
}

/** The answer over a new connection, or the code of the error. */
function get(port: number, options: ConnectionOptions = { ca: ca.cert }): Promise<string> {
  return new Promise((resolve) => {
    const call = request(
      { host: "127.0.0.1", port, agent: new Agent({ keepAlive: false }), ...options },
      (response) => {
        response.setEncoding("utf8").on("data", resolve).on("error", resolve);
      },
    );
    call.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code))).end();
  });
}

/** How a client learns that its handshake was refused: by an alert, or by the end of the connection. */
const refusedHandshake = /^(ERR_SSL|EPROTO|ECONNRESET)/;

/** The certificate that is presented to a client which asks for `servername`. */
async function shownFor(servername: string, port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return raw.toString("base64");
}

function bytesOf(pem: string): string {
  return pem.replace(/-----.*-----|\s/g, "");
}

describe("createWebServer", () => {
  it("serves plain HTTP without a certificate", async () => {
    const { port } = await serve(noTls, true);
    const call = httpRequest({ port, host: "127.0.0.1" }).end();
    const [response] = await once(call, "response");
    expect(response.statusCode).toBe(200);
  });

  it("accepts TLS 1.2 and 1.3, and nothing older", async () => {
    const { port } = await serve(new RenewableTls({ server }));
    expect(await get(port)).toBe("served");
    expect(await get(port, { ca: ca.cert, maxVersion: "TLSv1.2" })).toBe("served");
    const old: ConnectionOptions = { ca: ca.cert, minVersion: "TLSv1", maxVersion: "TLSv1.1" };
    expect(await get(port, { ...old, ciphers: "DEFAULT:@SECLEVEL=0" })).toMatch(refusedHandshake);
  });

  it("asks for client certificates only when it is mutual and has a CA", async () => {
    const material = { server, clusterCa: ca.cert };
    expect(await get((await serve(new RenewableTls(material))).port)).toBe("served");
    expect(await get((await serve(new RenewableTls({ server }), true)).port)).toBe("served");
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "admits only clients with a certificate of its CA, with %s",
    async (version) => {
      const { port, log, clientErrors } = await serve(new RenewableTls({ server, clusterCa: ca.cert }), true);
      const options: ConnectionOptions = { ca: ca.cert, minVersion: version, maxVersion: version };
      expect(await get(port, { ...options, ...client })).toBe("served");
      const wrong = [{}, stranger.issue(), ca.issue({ hosts: [], validTo: "20210101000000Z" })];
      for (const identity of wrong) expect(await get(port, { ...options, ...identity })).toMatch(refusedHandshake);
      await vi.waitFor(() => expect(clientErrors).toHaveLength(wrong.length));
      expect(new Set(log.lines.map(({ level }) => level))).toEqual(new Set(["debug"]));
      expect(log.lines[0]).toMatchObject({ message: "A TLS handshake failed.", facts: { err: expect.any(Error) } });
      expect(await get(port, { ...options, ...client })).toBe("served");
    },
  );

  it("closes connections with plain HTTP or garbage, without an answer", async () => {
    const { port, log, web } = await serve(new RenewableTls({ server }));
    for (const bytes of ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "\0".repeat(100), `${"x".repeat(100_000)}`]) {
      const socket = connectPlain(port, "127.0.0.1");
      let received = "";
      socket.on("data", (chunk) => (received += chunk.toString("latin1"))).on("error", () => {});
      socket.write(bytes);
      await new Promise((resolve) => socket.on("close", resolve));
      expect(received).not.toContain("HTTP");
    }
    const gone = connectPlain(port, "127.0.0.1", () => gone.resetAndDestroy());
    await once(gone, "close");
    expect(await get(port)).toBe("served");
    expect(log.lines.length).toBeGreaterThan(0);
    expect(log.lines.every(({ level }) => level === "debug")).toBe(true);
    await vi.waitFor(async () => {
      const count = await new Promise((resolve) => web.getConnections((_error, connections) => resolve(connections)));
      expect(count).toBe(0);
    });
  });

  it("closes the connection of a client that does not finish its handshake", async () => {
    const log = new RecordLog();
    const tls = new RenewableTls({ server });
    const web = createWebServer({ tls, isMutual: false, log, options: {}, handshakeTimeoutMs: 20 }, () => {});
    await once(web.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => closed(web));
    const socket = connectPlain((web.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "close");
    expect(log.lines).toMatchObject([{ level: "debug", facts: { err: { code: "ERR_TLS_HANDSHAKE_TIMEOUT" } } }]);
  });
});

describe("a server whose certificates are renewed", () => {
  it("presents the new one to new connections, and keeps open ones", async () => {
    const tls = new RenewableTls({ server });
    const { port, web } = await serve(tls);
    const open = connect({ port, host: "127.0.0.1", ca: ca.cert });
    await once(open, "secureConnect");
    const renewed = ca.issue();
    tls.renew({ server: renewed });
    expect(await shownFor("localhost", port)).toBe(bytesOf(renewed.cert));
    open.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const [answer] = await once(open, "data");
    expect(String(answer)).toContain("200 OK");
    await closed(web);
    expect(tls.listeners.size).toBe(0);
  });

  it("trusts the new CA, and no longer the old one, not even in a resumed session", async () => {
    const tls = new RenewableTls({ server, clusterCa: ca.cert });
    const { port } = await serve(tls, true);
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 10 });
    const call = { ca: ca.cert, agent, ...client } as ConnectionOptions;
    expect([await get(port, call), await get(port, call)]).toEqual(["served", "served"]);
    tls.renew({ clusterCa: stranger.cert });
    expect(await get(port, call)).toMatch(refusedHandshake);
    expect(await get(port, { ca: ca.cert, ...stranger.issue() })).toBe("served");
  });

  it("never falls back to plain HTTP", async () => {
    const tls = new RenewableTls({ server });
    await serve(tls);
    expect(() => tls.renew({ server: null })).toThrow("began with a certificate");
  });
});

describe("a server with a certificate for clients and another one for its cluster", () => {
  const forClients = publicCa.issue({ hosts: ["shardgate.example", "both.example", "127.0.0.1"] });
  const forCluster = ca.issue({ hosts: ["gateway.internal", "both.example"] });

  it("presents each for the host name that only it has", async () => {
    const tls = new RenewableTls({ server: forClients, cluster: forCluster });
    const { port } = await serve(tls);
    expect(await shownFor("gateway.internal", port)).toBe(bytesOf(forCluster.cert));
    for (const name of ["shardgate.example", "both.example", "unknown", "x".repeat(250), "*", "a b", ".."]) {
      expect([name, await shownFor(name, port)]).toEqual([name, bytesOf(forClients.cert)]);
    }
    expect(await get(port, { ca: publicCa.cert })).toBe("served");
    const renewed = ca.issue({ hosts: ["gateway.internal"] });
    tls.renew({ cluster: renewed });
    expect(await shownFor("gateway.internal", port)).toBe(bytesOf(renewed.cert));
  });
});
