/** Opens a registry for the commands that maintain it: for one task, and only while no gateway leads it. */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { pause } from "../../core/tasks/pause.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { isSameMark, type RegistryStore, type StoredRegistry, type StoreMark } from "../../registry/registry-store.js";
import { mapOf } from "../../registry/stored-cluster-map.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import { openRegistry, type OpenedRegistry } from "./open-registry.js";
import type { RegistryServerOptions } from "./registry-options.js";
import { placeText, type RegistryPlace } from "./registry-place.js";

/** Runs `use` with the registry, which is closed afterwards. */
export async function withRegistry<T>(
  place: RegistryPlace,
  options: RegistryServerOptions,
  environment: Environment,
  use: (opened: OpenedRegistry) => Promise<T>,
): Promise<T> {
  const { clock } = environment;
  const opened = await openRegistry(place, options, {
    clock,
    log: silent,
    variable: (name) => environment.variable(name),
  });
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

/** Throws CommandFailure for a registry in memory, which does not outlive its process. */
export function refuseMemory(place: RegistryPlace): void {
  if (place.kind !== "memory") return;
  const message = "A registry in memory exists within its gateway only; name a file, postgres://… or etcd://….";
  throw new CommandFailure(message, exitCodes.usage);
}

/** The content of a store; `map` is null when the text is not a cluster map. */
export interface FoundRegistry extends StoreMark {
  readonly text: string;
  readonly map: ClusterMap | null;
}

/**
 * The stored registry; null when there is none. Throws the store's errors; REGISTRY_CORRUPT only when the store itself
 * is damaged.
 */
export async function findRegistry(store: RegistryStore): Promise<FoundRegistry | null> {
  const stored = await store.load();
  return stored === null ? null : { ...stored, map: mapOrNull(stored) };
}

/** Throws CommandFailure when a gateway leads the registry: it raises the beat, and would overwrite changes. */
export async function refuseLed(
  place: RegistryPlace,
  { store, isShared }: OpenedRegistry,
  clock: Clock,
): Promise<void> {
  if (!isShared || !(await isLed(store, clock))) return;
  const message = `A gateway leads the registry ${placeText(place)} right now. Stop all gateways of the cluster first. Nothing was changed.`;
  throw new CommandFailure(message, exitCodes.conflict);
}

/** Watches the beat for as long as another gateway does before it takes the lead. */
export async function isLed(store: RegistryStore, clock: Clock): Promise<boolean> {
  const before = await store.mark();
  await pause(clock, leadLookMs);
  return !isSameMark(before, await store.mark());
}

/** A leader raises the beat each second; a slow one may have missed some. */
const leadLookMs = 4_000;

function mapOrNull(stored: StoredRegistry): ClusterMap | null {
  try {
    return mapOf(stored);
  } catch (error) {
    if (error instanceof ShardgateError && error.code === "REGISTRY_CORRUPT") return null;
    throw error;
  }
}

const nothing = (): void => undefined;

/** A failure ends the command with a message of its own. */
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
