/**
 * The ways between the gateways of a cluster inside one test, in place of HTTP: each gateway answers under its URL, and any
 * way can be cut. What is asked over a cut way gets no answer, as over a connection that is refused.
 */
import type { Clock } from "../../src/core/clock.js";
import { ShardgateError } from "../../src/core/error.js";
import type { GatewayAddress, LeaderTransport } from "../../src/gateway/cluster/peers/leader-transport.js";
import { peerAnswers, type PeerAnswers } from "../../src/gateway/cluster/peers/peer-answers.js";

/** How long a gateway waits for another that hangs. */
const answerTimeoutMs = 1_000;

export class MemberNetwork {
  readonly #gateways = new Map<string, { readonly answers: PeerAnswers; readonly isStill: () => boolean }>();
  readonly #cuts = new Set<string>();
  /** Every beat that arrived, as "from to". */
  readonly beats: string[] = [];

  /** The gateway answers at `url` from now on. */
  join(url: string, answers: PeerAnswers, isStill: () => boolean = () => false): void {
    this.#gateways.set(url, { answers, isStill });
  }

  /** Nothing answers at `url` any more. */
  leave(url: string): void {
    this.#gateways.delete(url);
  }

  /** What goes from one gateway to the other gets no answer. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** How the gateway at `from` reaches others; what it waits for ends by its own clock. */
  transport(from: string, clock: Clock): LeaderTransport {
    const at = <Result>(leader: GatewayAddress, ask: (answers: PeerAnswers) => Result | Promise<Result>) =>
      this.#ask(from, leader, clock, ask);
    return {
      commands: (leader) =>
        peerAnswers(
          {
            register: (registration) => at(leader, (answers) => answers.register(registration)),
            heartbeat: (name, heartbeat) => at(leader, (answers) => answers.heartbeat(name, heartbeat)),
            remove: (name, isForced) => at(leader, (answers) => answers.remove(name, isForced)),
            assign: (request) => at(leader, (answers) => answers.assign(request)),
            acceptLoss: (name) => at(leader, (answers) => answers.acceptLoss(name)),
            drain: (name, isUndone) => at(leader, (answers) => answers.drain(name, isUndone)),
            histories: (shards) => at(leader, (answers) => answers.histories(shards)),
            refresh: (node) => at(leader, (answers) => answers.refresh(node)),
          },
          () => Promise.reject(new Error("Beats are not commands.")),
        ),
      beat: (leader, name, beat) =>
        at(leader, (answers) => {
          this.beats.push(`${from} ${leader.url}`);
          return answers.beatFrom(name, beat);
        }),
      close: async () => {},
    };
  }

  async #ask<Result>(
    from: string,
    { url }: GatewayAddress,
    clock: Clock,
    ask: (answers: PeerAnswers) => Result | Promise<Result>,
  ): Promise<Result> {
    const gateway = this.#gateways.get(url);
    if (gateway === undefined || this.#cuts.has(`${from} ${url}`)) throw noAnswer(url);
    if (gateway.isStill()) {
      await new Promise<void>((resolve) => clock.after(answerTimeoutMs, resolve));
      throw noAnswer(url);
    }
    return ask(gateway.answers);
  }
}

function noAnswer(url: string): ShardgateError {
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The gateway at ${url} gives no answer.`);
}
