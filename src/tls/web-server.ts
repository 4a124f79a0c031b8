/**
 * The HTTP server below gateway and storage node; https when there is a certificate for it. Then certificates are renewed
 * without a restart, clients have to prove who they are where that is wanted, and handshakes end in time. Nothing a
 * client does in a handshake is worth more than a line at debug.
 */
import { X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { Log } from "../core/log.js";
import { tlsVersionMin, type TlsMaterial, type TlsSource } from "./tls-source.js";

/** How long a client may take to finish a TLS handshake: a few round trips, also over a slow line. */
const tlsHandshakeTimeoutMs = 5_000;

export interface WebServerParts {
  readonly tls: TlsSource;
  /** Refuses clients without a certificate of the cluster's CA, where there is one. */
  readonly isMutual: boolean;
  readonly log: Log;
  readonly options: ServerOptions;
  /** By default `tlsHandshakeTimeoutMs`. */
  readonly handshakeTimeoutMs?: number;
}

/**
 * With TLS it shows its `server` identity; to those who ask for a host that only the `cluster` identity names, that one.
 * Renewals are for new connections; those that are open go on.
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
  // Before Node's own listener, which would have the failure answered as if it were HTTP.
  server.prependListener("tlsClientError", (error: Error, socket: TLSSocket) => {
    log.debug({ err: error, client: socket.remoteAddress }, "A TLS handshake failed.");
    socket.destroy();
  });
  return server;
}

interface Identities {
  readonly server: SecureContextOptions;
  /** Undefined: that of `server`. */
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

/** `hostName` is whatever the client wrote: what is no name at all is no certificate's. */
function isFor(hostName: string, certificate: X509Certificate | undefined): boolean {
  try {
    return certificate?.checkHost(hostName, { subject: "never" }) !== undefined;
  } catch {
    return false;
  }
}
