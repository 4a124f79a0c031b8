/** The state of the model of stores and starts: the registry, two storage nodes, and the messages between them. */
import type { ModelState } from "./checker.js";

export interface Rules {
  /**
   * What a registration must name: the newest acknowledged start among all of the store's, among those since, or none.
   */
  readonly starts: "all" | "sinceAcknowledged" | "storeOnly";
  readonly newEpochAtStart: boolean;
  /** What the node answers before its start is acknowledged. */
  readonly answersBefore: "nothing" | "reads";
  /** Whether requests also come from gateways with older maps. */
  readonly requestsFrom: "newestMap" | "anyMap";
  /** How a registry is restored: by the command that marks it, or as a mere file; null: not at all. */
  readonly putBack: "byCommand" | "asFile" | null;
  /** Whether a node's report can reveal that a registry was restored. */
  readonly noticesPutBack: boolean;
  /** Whether a registration counts for a mark only when it names it. */
  readonly namesMark: boolean;
  /** What clears the problem that a refused registration leaves at the gateway. */
  readonly problemClearedBy: "heartbeat" | "registration";
  /** Which copies of node 0's folder may return: those without its newest acknowledged start, or any. */
  readonly copies: "acrossStarts" | "any" | null;
  readonly canAcceptLoss: boolean;
  /** Node 0 keeps its entries in memory only. */
  readonly isEphemeral: boolean;
  /** The shard moves to node 1 once, while it is empty. */
  readonly canMove: boolean;
  /** Whether everything is checked, or only that no version is given twice. */
  readonly judges: "all" | "versions";
  readonly startsMax: number;
  readonly writesMax: number;
}

export interface Registry {
  version: number;
  owner: number | null;
  epoch: number;
  lineage: number;
  isSealed: boolean;
  nodes: { storeId: string | null; lastStart: string | null; isLossAccepted: boolean }[];
  putBack: { mark: number; waiting: number[]; claim: { node: number; epoch: number } | null } | null;
}

export interface Folder {
  storeId: string;
  starts: string[];
  epoch: number;
  releasedEpoch: number;
  isSealed: boolean;
  lineage: number;
  sequence: number;
  mapVersion: number;
  entries: number[];
  /** Nothing was ever taken from the store. */
  isHonest: boolean;
}

export interface Registration {
  node: number;
  start: string;
  storeId: string;
  starts: string[];
  mapVersion: number;
  epoch: number;
  releasedEpoch: number;
  lineage: number;
  mark: number;
}

export interface State extends ModelState {
  registry: Registry;
  folders: Folder[];
  processes: ({ start: string; isAcknowledged: boolean } | null)[];
  /** What the running gateway knows: the last registered start of each node, and whose registration it refused. */
  knownStarts: (string | null)[];
  hasProblem: boolean[];
  registrations: Registration[];
  folderCopy: Folder | null;
  registryCopy: Registry | null;
  /** Acknowledged writes that no operator has declared lost. */
  acknowledged: number[];
  /** Versions that were given, each with its lineage. */
  given: string[];
  starts: number;
  writes: number;
  marks: number;
  emptied: number;
  hasMoved: boolean;
  hasPutBack: boolean;
}

const folder: Folder = {
  storeId: "A",
  starts: ["a0"],
  epoch: 0,
  releasedEpoch: 0,
  isSealed: false,
  lineage: 0,
  sequence: 0,
  mapVersion: 1,
  entries: [],
  isHonest: true,
};

export function emptyFolder(storeId: string): Folder {
  return { ...folder, storeId, starts: [], mapVersion: 0, isHonest: false };
}

/** Node 0 owns the shard and is about to start; node 1 runs when the shard may move to it. */
export function initialState({ canMove }: Rules): State {
  const record = { storeId: "A", lastStart: "a0", isLossAccepted: false };
  return {
    broken: null,
    registry: {
      version: 1,
      owner: 0,
      epoch: 1,
      lineage: 0,
      isSealed: false,
      nodes: [record, { ...record, storeId: "B", lastStart: "b0" }],
      putBack: null,
    },
    folders: [
      { ...folder, epoch: 1 },
      { ...folder, storeId: "B", starts: ["b0"] },
    ],
    processes: [null, canMove ? { start: "b0", isAcknowledged: true } : null],
    knownStarts: [null, canMove ? "b0" : null],
    hasProblem: [false, false],
    registrations: [],
    folderCopy: null,
    registryCopy: null,
    acknowledged: [],
    given: [],
    starts: 0,
    writes: 0,
    marks: 0,
    emptied: 0,
    hasMoved: false,
    hasPutBack: false,
  };
}
