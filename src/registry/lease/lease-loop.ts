/**
 * Reads the registry store once each interval, and does what lease.ts decides: raises the beat while this gateway
 * leads, and otherwise takes the lead when no gateway has it any more.
 */
import type { Clock } from "../../core/clock.js";
import { leaderBeatMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import { RepeatingTask } from "../../core/tasks/repeating-task.js";
import type { Registry } from "../registry.js";
import { leaseAfter, newLease, type LeaseObservation, type LeaseStep } from "./lease.js";

export interface LeaseLoopParts {
  readonly registry: Pick<
    Registry,
    | "map"
    | "isLeading"
    | "isRewound"
    | "hasLeader"
    | "beat"
    | "readMark"
    | "takeLead"
    | "repair"
    | "giveUpLead"
    | "resign"
    | "onLeadChange"
  >;
  readonly clock: Clock;
  readonly log: Log;
}

export class LeaseLoop {
  readonly #parts: LeaseLoopParts;
  readonly #looks: RepeatingTask;
  readonly #stopListening: () => void;
  #state = newLease;
  /** Until then the lead is left to others, in monotonic time. */
  #backUntilMs = -Infinity;
  /** Whether it has been logged that the store does not answer. */
  #isOutageLogged = false;

  constructor(parts: LeaseLoopParts) {
    const { registry, clock, log } = parts;
    this.#parts = parts;
    this.#looks = new RepeatingTask({ clock, log, pauseMs: leaderBeatMs, work: () => this.#lookOnce() });
    this.#stopListening = registry.onLeadChange((isLeading) => this.#logLead(isLeading));
  }

  /** The lead is taken at once, in a cluster without a leader. */
  start(): void {
    this.#looks.start();
  }

  /** Ends beats and takes; a gateway that leads resigns, so that another one leads at once. Resolves within some seconds. */
  async stop(): Promise<void> {
    await this.#looks.stop();
    await this.#parts.registry.resign();
    this.#stopListening();
  }

  /** A gateway that leads resigns, because others may do more; it takes the lead again if none does within some seconds. */
  async stepBack(): Promise<void> {
    const { registry, clock, log } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (!registry.isLeading || nowMs < this.#backUntilMs) return;
    this.#backUntilMs = nowMs + backMs;
    log.warn({ mapVersion: registry.map.version }, cutOff);
    await registry.resign();
  }

  async #lookOnce(): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    const observed = await this.#orUnanswered(() => this.#look());
    const { state, step } = leaseAfter(this.#state, observed, nowMs);
    this.#state = state;
    const isToTake = step !== "take" || nowMs >= this.#backUntilMs;
    await this.#orUnanswered(() => this.#take(isToTake ? step : "wait", observed));
  }

  async #look(): Promise<LeaseObservation> {
    const { registry } = this.#parts;
    if (registry.isLeading && (await registry.beat())) return { kind: "beaten" };
    const mark = await registry.readMark();
    const { hasLeader, isRewound } = registry;
    return { kind: "watched", mark, hasLeader, isRewound };
  }

  async #take(step: LeaseStep, observed: LeaseObservation): Promise<LeaseObservation> {
    const { registry } = this.#parts;
    if (step === "take" && observed.kind === "watched") await registry.takeLead(observed.mark);
    if (step === "repair") await registry.repair();
    if (step === "giveUp" && registry.isLeading) {
      const message =
        "The registry store has not answered this gateway for so long that others do not see that it leads. It gives up the lead.";
      this.#parts.log.warn({ mapVersion: registry.map.version }, message);
      registry.giveUpLead();
    }
    return observed;
  }

  async #orUnanswered(call: () => Promise<LeaseObservation>): Promise<LeaseObservation> {
    const { registry, log } = this.#parts;
    try {
      const observed = await call();
      if (this.#isOutageLogged && observed.kind !== "unanswered") {
        this.#isOutageLogged = false;
        log.info({ mapVersion: registry.map.version }, "The registry store answers again.");
      }
      return observed;
    } catch (error) {
      if (!this.#isOutageLogged) {
        const message =
          "The registry store does not answer. Data is served by the last known cluster map, which cannot be changed " +
          "until the store answers again; check it.";
        log.warn({ err: error, mapVersion: registry.map.version }, message);
      }
      this.#isOutageLogged = true;
      return { kind: "unanswered" };
    }
  }

  #logLead(isLeading: boolean): void {
    const { registry, log } = this.#parts;
    const { leader, version } = registry.map;
    const facts = { mapVersion: version, leader: leader && { name: leader.name, url: leader.url } };
    log.info(
      facts,
      isLeading ? "This gateway leads the cluster now." : "This gateway does not lead the cluster any more.",
    );
  }
}

/** Gateways that can take the lead look whether it is free each interval, and two of them may have to try again. */
const backMs = 4 * leaderBeatMs;

const cutOff =
  "This gateway leads, and hears of no other gateway and no storage node any more. It gives up the lead, so that one leads that " +
  "they can reach; check its network.";
