/**
 * How the cluster map in the store relates to the one that a process knows. A store loses its newest changes when a database
 * fails over to a copy that lags behind, or when an older copy is restored; then other changes may take their place. It is
 * repaired by writing a map above every version that may have been given: the leader's own, if that is all that came
 * after, or else the stored one, marked as restored, so that storage nodes say what they know.
 */
import type { ClusterMap } from "../cluster-map.js";
import { markPutBack, versionsLostMax } from "../commands/put-back.js";
import { unchanged, type Changed } from "../commands/shard-change.js";

export interface KnownText {
  readonly map: ClusterMap;
  /** As it is stored. */
  readonly text: string;
}

/** Of a stored map: the known one; a later one; an earlier version; or one that does not have the known one in its past. */
export type MapDescent = "same" | "newer" | "older" | "forked";

export function descentOf(stored: KnownText, known: KnownText): MapDescent {
  if (stored.map.version < known.map.version) return "older";
  if (stored.map.version === known.map.version) return stored.text === known.text ? "same" : "forked";
  return followsOn(stored.map, known.map) ? "newer" : "forked";
}

/** Whether the map that was found in a rewound store (null: it was empty) became `map` by a repair. */
export function isRepair(rewound: ClusterMap | null, { leader, putBack }: ClusterMap): boolean {
  if (rewound === null || (putBack !== null && putBack.mark !== rewound.putBack?.mark)) return true;
  return leader?.id === rewound.leader?.id && (leader?.sinceVersion ?? 0) > (rewound.leader?.sinceVersion ?? 0);
}

/** Whether both are of one leader, who has not repaired the registry in between: then the newer one has the other in its past. */
export function isSameReign({ leader: one }: ClusterMap, { leader: other }: ClusterMap): boolean {
  const since = one?.sinceVersion ?? null;
  return since !== null && one?.id === other?.id && since === other?.sinceVersion;
}

/**
 * What a rewound store gets, whose map is `stored` (null: it is empty). The leader's own newer map loses nothing, where the
 * store went back within its time.
 */
export function repaired(
  known: ClusterMap,
  stored: ClusterMap | null,
  { isLeading, newMark, nowMs }: { readonly isLeading: boolean; readonly newMark: string; readonly nowMs: number },
): Changed {
  const lastVersion = Math.max(known.version, stored?.version ?? 0) + versionsLostMax;
  if (!isLeading || !isPastOf(stored, known)) return markPutBack(stored ?? known, newMark, lastVersion, nowMs);
  const version = lastVersion + 1;
  const leader = known.leader && { ...known.leader, sinceVersion: version };
  return unchanged({ ...known, version, leader });
}

/** Whether `stored` is the known map as it was earlier under the same leader, who alone has changed it since; or nothing. */
export function isPastOf(stored: ClusterMap | null, known: ClusterMap): boolean {
  return stored === null || (stored.version < known.version && isSameReign(stored, known));
}

/** Not when it says that its leader led already at the known version, for which another leader is known. */
function followsOn(stored: ClusterMap, known: ClusterMap): boolean {
  const since = stored.leader?.sinceVersion ?? null;
  return since === null || since > known.version || isSameReign(stored, known);
}
