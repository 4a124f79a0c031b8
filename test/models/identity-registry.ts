/** The registry's part of the model of stores and starts: registrations, marks, and accepted losses. */
import type { Registration, Registry, Rules, State } from "./identity-state.js";

/** Resolves the registration; `isAnswered`: whether the answer reaches the node. */
export function register(state: State, registration: Registration, rules: Rules, isAnswered: boolean): void {
  const { registry } = state;
  const { node } = registration;
  const record = registry.nodes[node];
  if (record === undefined) return;
  if (registry.putBack === null && rules.noticesPutBack && knowsMore(registry, registration)) {
    markPutBack(state, rules, registration.mapVersion);
    return;
  }
  registry.version = Math.max(registry.version, registration.mapVersion);
  if (!isContinued(state, registration, rules)) return;
  if (registry.putBack !== null && rules.namesMark && registration.mark !== registry.putBack.mark) return;
  const isNewStart = record.lastStart !== registration.start;
  const isLineageRaised = record.isLossAccepted || (rules.isEphemeral && node === 0 && isNewStart);
  if (isLineageRaised && registry.owner === node) registry.lineage++;
  if (rules.isEphemeral && node === 0 && isNewStart) state.acknowledged = [];
  if (isNewStart) registry.version++;
  Object.assign(record, { storeId: registration.storeId, lastStart: registration.start, isLossAccepted: false });
  state.knownStarts[node] = registration.start;
  state.hasProblem[node] = false;
  if (registry.putBack !== null) reportClaims(registry, registration);
  else if (isNewStart && registry.owner === node && (rules.newEpochAtStart || isLineageRaised)) newEpoch(registry);
  const process = state.processes[node];
  if (process?.start !== registration.start || !isAnswered || registry.putBack !== null) return;
  process.isAcknowledged = true;
  const folder = state.folders[node];
  if (rules.starts === "sinceAcknowledged" && folder)
    folder.starts = folder.starts.slice(folder.starts.indexOf(process.start));
  takeAssignments(state, node);
}

/** Whether the node knows more than the registry, which was then restored from an older copy. */
function knowsMore(registry: Registry, { node, mapVersion, epoch, releasedEpoch }: Registration): boolean {
  const ownsElsewhere = epoch > releasedEpoch && epoch === registry.epoch && registry.owner !== node;
  return mapVersion > registry.version || Math.max(epoch, releasedEpoch) > registry.epoch || ownsElsewhere;
}

export function markPutBack(state: State, { canMove }: Rules, mapVersion = 0): void {
  const { registry } = state;
  registry.version = Math.max(registry.version, mapVersion) + 1;
  registry.putBack = { mark: ++state.marks, waiting: canMove ? [0, 1] : [0], claim: null };
}

/** Whether nothing can be lost since the newest acknowledged start; if not, the registration is refused. */
function isContinued(state: State, { node, start, storeId, starts }: Registration, rules: Rules): boolean {
  const record = state.registry.nodes[node];
  if (record === undefined || record.isLossAccepted || (rules.isEphemeral && node === 0)) return record !== undefined;
  const isStartNamed = rules.starts === "storeOnly" || (record.lastStart !== null && starts.includes(record.lastStart));
  if (record.storeId === storeId && isStartNamed) return true;
  state.hasProblem[node] = true;
  if (state.processes[node]?.start === start && state.folders[node]?.isHonest === true) {
    state.broken = `node ${node} has lost nothing and is refused`;
  }
  return false;
}

/** Once all nodes have reported, the shard goes to the highest claim, at an epoch above every claim and release. */
function reportClaims(registry: Registry, { node, epoch, releasedEpoch, lineage }: Registration): void {
  const { putBack } = registry;
  if (putBack === null) return;
  registry.epoch = Math.max(registry.epoch, epoch, releasedEpoch);
  registry.lineage = Math.max(registry.lineage, lineage);
  if (epoch > releasedEpoch && epoch > (putBack.claim?.epoch ?? 0)) putBack.claim = { node, epoch };
  putBack.waiting = putBack.waiting.filter((other) => other !== node);
  resolvePutBack(registry);
}

function resolvePutBack(registry: Registry): void {
  if (registry.putBack === null || registry.putBack.waiting.length > 0) return;
  if (registry.putBack.claim !== null) registry.owner = registry.putBack.claim.node;
  registry.putBack = null;
  newEpoch(registry);
}

function newEpoch(registry: Registry): void {
  registry.epoch++;
  registry.version++;
  registry.isSealed = false;
}

/** An operator confirms that the node's data may be lost. */
export function acceptLoss(state: State, node: number): void {
  const { registry } = state;
  registry.nodes[node] = { storeId: null, lastStart: null, isLossAccepted: true };
  registry.version++;
  state.acknowledged = [];
  if (registry.putBack === null || !registry.putBack.waiting.includes(node)) return;
  registry.putBack.waiting = registry.putBack.waiting.filter((other) => other !== node);
  registry.lineage++;
  resolvePutBack(registry);
}

/** The change that the node makes durable for the map: its claim or its release. */
export function takeAssignments(state: State, node: number): void {
  const { registry } = state;
  const folder = state.folders[node];
  if (folder === undefined || registry.version < folder.mapVersion) return;
  folder.mapVersion = registry.version;
  if (registry.owner !== node) {
    Object.assign(folder, { releasedEpoch: folder.epoch, isSealed: false });
    return;
  }
  if (registry.epoch > folder.epoch) Object.assign(folder, { epoch: registry.epoch, sequence: 0 });
  Object.assign(folder, { lineage: registry.lineage, isSealed: registry.isSealed });
}
