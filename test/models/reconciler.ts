/**
 * The leader sends a storage node its assignments when the node lacks some, according to its last report. Every message
 * may be lost or late, and the node may be declared DOWN and start again; in the end it has the assignments of the
 * newest map.
 */
import type { Model, ModelState } from "./checker.js";
import { variantsOf } from "./variant.js";

interface Rules {
  /** Whether a failed call is repeated. */
  readonly isRetried: boolean;
  /** When the node is assumed to have the assignments that it was sent. */
  readonly believed: "whenAnswered" | "whenSent";
  /** Whether the node's report replaces the leader's assumption, even when it is older. */
  readonly isSayingBelieved: boolean;
  /** Whether the answers to heartbeats contain assignments too. */
  readonly areBeatsAnswered: boolean;
}

interface State extends ModelState {
  version: number;
  leader: { due: number; known: number; isSending: boolean; isDown: boolean; hasSent: number };
  node: { has: number; isRegistered: boolean };
  /** Messages in flight, each with a map version. */
  puts: number[];
  answers: number[];
  registrationAnswers: number[];
  beats: number[];
  beatAnswers: number[];
}

const newest = 2;
const messages = ["puts", "answers", "registrationAnswers", "beats", "beatAnswers"] as const;

function model(changed: Partial<Rules>): Model<State> {
  const asBuilt: Rules = { isRetried: true, believed: "whenAnswered", isSayingBelieved: true, areBeatsAnswered: true };
  const rules: Rules = { ...asBuilt, ...changed };

  function arrive(copy: State, kind: (typeof messages)[number], version: number): void {
    const { leader, node } = copy;
    if (kind === "puts") {
      node.has = Math.max(node.has, version);
      if (copy.answers.length < 2) copy.answers.push(version);
    } else if (kind === "answers") {
      leader.known = Math.max(leader.known, version);
      leader.isSending = false;
    } else if (kind === "registrationAnswers") {
      Object.assign(node, { isRegistered: true, has: Math.max(node.has, version) });
    } else if (kind === "beats") {
      leader.isDown = false;
      leader.known = rules.isSayingBelieved ? version : Math.max(leader.known, version);
      if (rules.areBeatsAnswered && copy.beatAnswers.length === 0) copy.beatAnswers.push(copy.version);
    } else {
      node.has = Math.max(node.has, version);
    }
  }

  return {
    initial: {
      broken: null,
      version: 0,
      leader: { due: 0, known: 0, isSending: false, isDown: false, hasSent: 0 },
      node: { has: 0, isRegistered: false },
      puts: [],
      answers: [],
      registrationAnswers: [],
      beats: [],
      beatAnswers: [],
    },
    next(state, { step, fault }) {
      const { version, leader, node } = state;
      if (version < newest) {
        step(`the map becomes version ${version + 1}`, (copy) => {
          copy.version++;
          copy.leader.due = copy.version;
        });
      }
      if (!node.isRegistered && state.registrationAnswers.length === 0) {
        step("the node registers", (copy) => {
          copy.registrationAnswers.push(version);
          Object.assign(copy.leader, { known: version, isDown: false });
        });
      }
      const isFirst = leader.hasSent < leader.due;
      const isLacking = leader.known < leader.due && !leader.isSending && !leader.isDown;
      if (isLacking && (isFirst || rules.isRetried) && state.puts.length < 2) {
        step(`the leader sends version ${version}`, (copy) => {
          copy.puts.push(version);
          Object.assign(copy.leader, { isSending: true, hasSent: version });
          if (rules.believed === "whenSent") copy.leader.known = version;
        });
      }
      if (leader.isSending)
        fault("the leader's call ends without an answer", (copy) => (copy.leader.isSending = false));
      if (node.isRegistered && state.beats.length === 0) {
        step(`the node says that it has version ${node.has}`, (copy) => copy.beats.push(node.has));
      }
      if (!leader.isDown) fault("the leader takes the node for DOWN", (copy) => (copy.leader.isDown = true));
      if (node.isRegistered) fault("the node starts anew", (copy) => (copy.node.isRegistered = false));
      for (const kind of messages) {
        for (const [index, sent] of state[kind].entries()) {
          const take = (copy: State): void => void copy[kind].splice(index, 1);
          step(`${kind}: version ${sent} arrives`, (copy) => {
            take(copy);
            arrive(copy, kind, sent);
          });
          fault(`${kind}: version ${sent} is lost`, (copy) => {
            take(copy);
            if (kind === "puts" || kind === "answers") copy.leader.isSending = false;
          });
        }
      }
    },
    goal: ({ version, leader, node }) => version === newest && node.isRegistered && node.has >= leader.due,
  };
}

const { holds, shortHolds, shortBreaks } = variantsOf(model);

export const reconcilerVariants = [
  holds("what the node lacks is sent again, by what it said last", {}),
  shortHolds("the same when no answer to a heartbeat ever arrives", { areBeatsAnswered: false }),
  shortBreaks("each change is sent once, and heartbeats are not answered", {
    isRetried: false,
    areBeatsAnswered: false,
  }),
  shortBreaks("what was sent counts as known, and what the node says does not", {
    believed: "whenSent",
    isSayingBelieved: false,
    areBeatsAnswered: false,
  }),
];
