/** docs/reference/limits.md: the bounds that operators may set, and the fixed ones that callers meet. */
import { clusterSecretCharactersMin } from "../../../src/cli/options/cluster-secret.js";
import { boundName, boundProperties, boundRules } from "../../../src/core/bounds.js";
import * as limits from "../../../src/core/limits.js";
import { gatewayHeadersTimeoutMs, gatewayReceiveTimeoutMs } from "../../../src/gateway/gateway-server.js";
import { table, type Regions } from "./page.js";

export function limitRegions(): Regions {
  const settable = boundProperties.map((property) => {
    const { default: standard, least, most, code, help } = boundRules[property];
    return [`\`${boundName(property)}\``, String(standard), String(least), String(most), code, help];
  });
  return {
    settable: table(["limit", "default", "lowest", "highest", "code", "what it bounds"], settable),
    fixed: table(["what", "bound"], fixed),
  };
}

const fixed: readonly (readonly [what: string, bound: string])[] = [
  ["key", `1 to ${limits.keyBytesMax} bytes of UTF-8; no control characters, no lone surrogates, not \`.\` or \`..\``],
  ["value", "JSON text; no name twice in one object; every digit is kept"],
  ["shards of a cluster", `1 to ${limits.shardCountMax}`],
  ["storage nodes of a cluster", String(limits.storageNodesMax)],
  ["expiry", `ahead of the storage node's clock, at most ${new Date(limits.expiryMsMax).toISOString()}`],
  ["changes in a shard's history", String(limits.assignmentHistoryMax)],
  ["one request, retries included", duration(limits.requestTimeoutMs)],
  ["one attempt at a storage node", duration(limits.attemptTimeoutMs)],
  ["time to send the headers of a request", duration(gatewayHeadersTimeoutMs)],
  ["time to send a whole request", duration(gatewayReceiveTimeoutMs)],
  ["cluster secret", `at least ${clusterSecretCharactersMin} characters`],
  ["name of a storage node", `${limits.nameCharactersMax} characters`],
  ["`x-request-id` of a client", `${limits.requestIdCharactersMax} characters`],
];

function duration(ms: number): string {
  return `${ms / 1000} s`;
}
