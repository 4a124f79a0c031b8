/** The lead of a gateway whose registry store lets no other process in: it is taken at once, and again whenever it is lost. */
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import type { Registry } from "../registry.js";

/**
 * Resolves when this process leads, to the function that ends this. A person may replace the stored map while the
 * process runs: the leader in such a map is outdated. Throws REGISTRY_CONFLICT and the store's errors.
 */
export async function leadAlone(registry: Registry, log: Log): Promise<() => void> {
  if (!(await registry.takeLead())) {
    const message = `The registry changed to map version ${registry.map.version} while this gateway took the lead. Start it again.`;
    throw new ShardgateError("REGISTRY_CONFLICT", message);
  }
  return registry.onLeadChange((isLeading) => {
    if (!isLeading) void takeAgain(registry, log);
  });
}

async function takeAgain(registry: Registry, log: Log): Promise<void> {
  const facts = { mapVersion: registry.map.version };
  try {
    const isLeading = await registry.takeLead();
    log.warn(facts, isLeading ? takenAgain : `${notTaken} Restart this gateway.`);
  } catch (error) {
    log.error({ ...facts, err: error }, `${notTaken} Check the registry store, and restart this gateway.`);
  }
}

const takenAgain =
  "The stored cluster map named another leader, though no other gateway uses this registry. This gateway leads again.";
const notTaken = "The stored cluster map names another leader, and this gateway could not take the lead again.";
