/**
 * How the cluster map in the store relates to the one that a process knows. A store loses its newest changes when a
 * database fails over to a copy that lags behind, or when an older copy is restored; then other changes may take their
 * place. It is repaired by writing a map above every version that may have been given: the leader's own, if that is all
 * that came after, or else the stored one, marked as restored, so that storage nodes report what they know
 * (docs/decisions/the-lead.md).
 */
import type { ClusterMap } from "../cluster-map.js";
import { markPutBack, versionsLostMax } from "../commands/put-back.js";
import { unchanged, type Changed } from "../commands/shard-change.js";

export interface KnownText {
  readonly map: ClusterMap;
  /** As it is stored. */
  readonly text: string;
}

/** A process's knowledge of the cluster map. */
export interface HeldMap {
  readonly known: KnownText;
  /**
   * What the store has, if it lacks changes that this process knows of (`map` null: nothing). It is the known map itself
   * where newer changes took their place, until that is repaired.
   */
  readonly rewound: { readonly map: ClusterMap | null } | null;
}

/** After the store was found to have `stored`; null: nothing. The known map never becomes an older one. */
export function heldAfter({ known, rewound }: HeldMap, stored: KnownText | null): HeldMap {
  if (stored === null || stored.map.version < known.map.version)
    return { known, rewound: { map: stored?.map ?? null } };
  if (stored.map.version === known.map.version) {
    if (stored.text !== known.text) return { known, rewound: { map: stored.map } };
    return { known, rewound: rewound?.map === known.map ? rewound : null };
  }
  const isSame = isSameReign(stored.map, known.map);
  const isWhole =
    isSame || ((rewound === null || isRepair(rewound.map, stored.map)) && isLaterReign(stored.map, known.map));
  return { known: stored, rewound: isWhole ? null : { map: stored.map } };
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
  // It leads since when it did: a gateway that led meanwhile, while this one was suspended, sees that its own changes are missing.
  return unchanged({ ...known, version: lastVersion + 1 });
}

/** Whether `stored` is the known map as it was earlier under the same leader, who alone has changed it since; or nothing. */
export function isPastOf(stored: ClusterMap | null, known: ClusterMap): boolean {
  return stored === null || (stored.version < known.version && isSameReign(stored, known));
}

/** Whether both are of one leader, who has not marked the registry in between: then the newer one has the other in its past. */
function isSameReign({ leader: one }: ClusterMap, { leader: other }: ClusterMap): boolean {
  const since = one?.sinceVersion ?? null;
  return since !== null && one?.id === other?.id && since === other?.sinceVersion;
}

/** Whether the leader did not lead at the known version yet, of which another leader is known; or that cannot be seen. */
function isLaterReign({ leader }: ClusterMap, known: ClusterMap): boolean {
  return (leader?.sinceVersion ?? Infinity) > known.version;
}

/** Whether the map that was found in a rewound store (null: it was empty) became `map` by a repair. */
function isRepair(rewound: ClusterMap | null, { leader, putBack }: ClusterMap): boolean {
  if (rewound === null || (putBack !== null && putBack.mark !== rewound.putBack?.mark)) return true;
  return leader?.id === rewound.leader?.id && (leader?.sinceVersion ?? 0) > (rewound.leader?.sinceVersion ?? 0);
}
