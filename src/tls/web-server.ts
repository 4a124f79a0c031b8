/**
 * The HTTP server of gateway and storage node; https when there is a certificate for it. With https, certificates are
 * renewed without a restart, clients must present certificates where required, and handshakes have a timeout. Failed
 * handshakes are logged at debug level only.
 */
import { X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { Log } from "../core/log.js";
import { tlsVersionMin, type TlsMaterial, type TlsSource } from "./tls-source.js";

/** How long a client may take to finish a TLS handshake: a few round trips, even over a slow line. */
const tlsHandshakeTimeoutMs = 5_000;

export interface WebServerParts {
  readonly tls: TlsSource;
  /** Refuses clients without a certificate of the cluster's CA, if there is a CA. */
  readonly isMutual: boolean;
  readonly log: Log;
  readonly options: ServerOptions;
  /** `tlsHandshakeTimeoutMs` by default. */
  readonly handshakeTimeoutMs?: number;
}

/**
 * With TLS it presents its `server` identity, or the `cluster` identity to clients that ask for a host which only that
 * one names. Renewals apply to new connections; open ones continue.
 */
export function createWebServer(parts: WebServerParts, listener: RequestListener): Server {
  const { tls, isMutual, log, options, handshakeTimeoutMs = tlsHandshakeTimeoutMs } = parts;
  if (tls.current.server === null) return createHttpServer(options, listener);
  let identities = identitiesOf(tls.current, isMutual);
  const requestCert = isMutual && tls.current.clusterCa !== null;
  const server = createHttpsServer(
    {
      ...options,
      ...identities.server,
      noDelay: true,
      handshakeTimeout: handshakeTimeoutMs,
      requestCert,
      rejectUnauthorized: requestCert,
      SNICallback: (hostName, answer) => answer(null, identities.contextFor(hostName)),
    },
    listener,
  );
  const endRenewals = tls.onRenewal(() => {
    identities = identitiesOf(tls.current, isMutual);
    server.setSecureContext(identities.server);
  });
  server.once("close", endRenewals);
  // Runs before Node's own listener, which would cause an HTTP answer to the failure.
  server.prependListener("tlsClientError", (error: Error, socket: TLSSocket) => {
    log.debug({ err: error, client: socket.remoteAddress }, "A TLS handshake failed.");
    socket.destroy();
  });
  return server;
}

interface Identities {
  readonly server: SecureContextOptions;
  /** Undefined: the context of `server`. */
  contextFor(hostName: string): SecureContext | undefined;
}

function identitiesOf({ server, cluster, clusterCa }: TlsMaterial, isMutual: boolean): Identities {
  if (server === null) throw new Error("A server that began with a certificate has none any more.");
  const common = { minVersion: tlsVersionMin, ...(isMutual && clusterCa !== null && { ca: clusterCa }) } as const;
  const own = { server: { ...server, ...common } };
  if (cluster === null || cluster.cert === server.cert) return { ...own, contextFor: () => undefined };
  const [serverCertificate, clusterCertificate] = [server, cluster].map(({ cert }) => new X509Certificate(cert));
  const clusterContext = createSecureContext({ ...cluster, ...common });
  const contextFor = (hostName: string): SecureContext | undefined =>
    !isFor(hostName, serverCertificate) && isFor(hostName, clusterCertificate) ? clusterContext : undefined;
  return { ...own, contextFor };
}

/** `hostName` is arbitrary text of the client; an invalid name matches no certificate. */
function isFor(hostName: string, certificate: X509Certificate | undefined): boolean {
  try {
    return certificate?.checkHost(hostName, { subject: "never" }) !== undefined;
  } catch {
    return false;
  }
}
