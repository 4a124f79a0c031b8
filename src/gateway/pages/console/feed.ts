/**
 * Broadcasts news to open consoles once a second, one text for all of them. While no console is open, nothing runs: no
 * timer, and no call to a storage node.
 */
import type { ServerResponse } from "node:http";
import { ShardgateError } from "../../../core/error.js";
import { consoleTickMs } from "../../../core/limits.js";
import { endWithProblem } from "../../problem-answer.js";
import type { RecentTraffic } from "./recent-traffic.js";
import type { GatewayServices } from "../../services.js";
import { NodeFigures } from "./node-figures.js";
import { clusterEvent, tickEvent, type SnapshotSources } from "./snapshot.js";
import { eventText, Watchers } from "./watchers.js";

/**
 * Most consoles that watch at once: enough for a wall of screens, and few enough that sending to all of them costs
 * little.
 */
export const consoleWatchersMax = 50;

export class ConsoleFeed {
  readonly #services: GatewayServices;
  readonly #traffic: RecentTraffic;
  readonly #figures: NodeFigures;
  readonly #sources: SnapshotSources;
  readonly #watchers = new Watchers(() => this.#pause());
  #cancelTick: (() => void) | null = null;
  /** The `cluster` event as last broadcast. */
  #clusterText = "";
  /** Number of the first second that was not broadcast yet. */
  #nextSecond = 0;
  #paused: Promise<unknown> = Promise.resolve();

  constructor(services: GatewayServices, traffic: RecentTraffic) {
    this.#services = services;
    this.#traffic = traffic;
    this.#figures = new NodeFigures(services);
    this.#sources = { ...services, traffic, figures: this.#figures };
  }

  /** Answers with the stream, or with OVERLOADED when too many consoles are open. */
  watch(response: ServerResponse): void {
    if (this.#watchers.count >= consoleWatchersMax) {
      const text = `${consoleWatchersMax} consoles are open already, which is the maximum; close one of them.`;
      return endWithProblem(response, new ShardgateError("OVERLOADED", text));
    }
    if (this.#watchers.count === 0) this.#start();
    const texts = [eventText("cluster", clusterEvent(this.#sources)), eventText("tick", tickEvent(this.#sources, 0))];
    this.#watchers.add(response, texts.join(""));
  }

  /** Ends all streams; resolves when no task is running any more. */
  async close(): Promise<void> {
    this.#watchers.close();
    this.#pause();
    await this.#paused;
  }

  #start(): void {
    this.#clusterText = eventText("cluster", clusterEvent(this.#sources));
    this.#nextSecond = this.#traffic.currentSecond;
    this.#figures.start();
    this.#tickLater();
  }

  #pause(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    this.#paused = Promise.all([this.#paused, this.#figures.stop()]);
  }

  #tickLater(): void {
    this.#cancelTick = this.#services.clock.after(consoleTickMs, () => this.#tick());
  }

  #tick(): void {
    this.#tickLater();
    const clusterText = eventText("cluster", clusterEvent(this.#sources));
    const tickText = eventText("tick", tickEvent(this.#sources, this.#nextSecond));
    this.#watchers.broadcast(clusterText === this.#clusterText ? tickText : clusterText + tickText);
    this.#clusterText = clusterText;
    this.#nextSecond = this.#traffic.currentSecond;
  }
}
