/**
 * How gateways and storage nodes of one cluster authenticate each other: with bearer tokens (RFC 6750, in
 * `Authorization`) that all derive from the cluster's secret with HMAC-SHA-256. Each direction has its own token, so
 * that a storage node that received a gateway's token cannot pose as a storage node, or as another gateway, at the
 * gateway.
 */

export interface ClusterTokens {
  /** Sent by gateways to storage nodes. */
  readonly gatewayToken: string;
  /** Sent by storage nodes to gateways. */
  readonly nodeToken: string;
  /** Sent by gateways to the leading gateway. */
  readonly peerToken: string;
}

export async function deriveClusterTokens(secret: string): Promise<ClusterTokens> {
  const [gatewayToken, nodeToken, peerToken] = await Promise.all([
    derived(secret, "shardgate/1 gateway to storage node"),
    derived(secret, "shardgate/1 storage node to gateway"),
    derived(secret, "shardgate/1 gateway to gateway"),
  ]);
  return { gatewayToken, nodeToken, peerToken };
}

/** The header that carries a token; no header when the token is null. */
export function tokenHeader(token: string | null): Readonly<Record<string, string>> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

async function derived(secret: string, label: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const bytes = await crypto.subtle.sign(algorithm.name, key, encoder.encode(label));
  return Buffer.from(bytes).toString("base64url");
}
