/** A gateway that leads and answers other gateways over real sockets, with TLS and the tokens of a cluster's secret. */
import { defaultBounds } from "../../../../src/core/bounds.js";
import type { Clock } from "../../../../src/core/clock.js";
import { requestTimeoutMs } from "../../../../src/core/limits.js";
import { createAccess, type Access } from "../../../../src/gateway/access/access.js";
import { auditTo } from "../../../../src/gateway/access/audit-log.js";
import { clusterTokenVerifier } from "../../../../src/gateway/access/cluster-token-verifier.js";
import { startGateway, type Gateway } from "../../../../src/gateway/gateway-server.js";
import { Metrics } from "../../../../src/gateway/metrics/gateway-metrics.js";
import type { MembershipService } from "../../../../src/gateway/services.js";
import type { Router } from "../../../../src/routing/router.js";
import { deriveClusterTokens } from "../../../../src/wire/cluster-token.js";
import { CertificateAuthority } from "../../../support/certificates.js";
import type { RecordLog } from "../../../support/record-log.js";
import { RenewableTls } from "../../../support/renewable-tls.js";

export const authority = new CertificateAuthority();
export const tokens = await deriveClusterTokens("a secret of at least 32 characters");

/** What a gateway of the cluster shows to others, and by which CA it believes them. */
export const callerTls = new RenewableTls({ cluster: authority.issue(), clusterCa: authority.cert });

export interface ServedParts {
  readonly clock: Clock;
  readonly log: RecordLog;
  /** By default the cluster has a secret. */
  readonly access?: Access;
}

export function secretAccess(log: RecordLog): Access {
  return createAccess({
    verifiers: [clusterTokenVerifier(tokens)],
    isOpen: false,
    areNodesProven: true,
    audit: auditTo(log),
  });
}

/** Over https, but for keys, of which it has none. */
export function serveMembership(membership: MembershipService, { clock, log, access }: ServedParts): Promise<Gateway> {
  const router = { execute: () => Promise.reject(new Error("No operations are expected.")) } as unknown as Router;
  return startGateway({
    host: "127.0.0.1",
    port: 0,
    tls: new RenewableTls({ server: authority.issue() }),
    isPlaygroundEnabled: false,
    services: {
      router,
      membership,
      access: access ?? secretAccess(log),
      clock,
      log,
      metrics: new Metrics(),
      bounds: defaultBounds,
      requestTimeoutMs,
    },
  });
}
