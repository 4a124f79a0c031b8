/** A primary's seat inside the test: its workers are told what to do, and end when the test says so. */
import type { PrimarySeat, WorkerExit, WorkerProcess } from "../../../../src/cli/environment/worker-process.js";
import type { PrimaryCalls, WorkerCalls } from "../../../../src/cli/serve/workers/worker-calls.js";
import { Peer, type Calls, type MessageLine } from "../../../../src/wire/peer.js";
import { linePair } from "../../../support/line-pair.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";

export class FakeSeat implements PrimarySeat {
  readonly kind = "primary";
  readonly workers: FakeWorker[] = [];
  /** Open files that its workers have, too. */
  readonly handed: number[] = [];
  readonly #onFork: (worker: FakeWorker) => void;

  /** `onFork` is called with each new worker, before anything is said to it. */
  constructor(onFork: (worker: FakeWorker) => void = () => undefined) {
    this.#onFork = onFork;
  }

  hand(fd: number): void {
    this.handed.push(fd);
  }

  fork(): WorkerProcess {
    const worker = new FakeWorker(1000 + this.workers.length);
    this.workers.push(worker);
    this.#onFork(worker);
    return worker;
  }

  /** The worker that was started last. */
  get last(): FakeWorker {
    const worker = this.workers.at(-1);
    if (worker === undefined) throw new Error("No worker was started.");
    return worker;
  }
}

export class FakeWorker implements WorkerProcess {
  readonly pid: number;
  readonly line: MessageLine;
  /** The worker's own end of the line. */
  readonly ownLine: MessageLine;
  readonly exited: Promise<WorkerExit>;
  readonly signals: string[] = [];
  /** How it takes SIGTERM and SIGINT. */
  onSigterm: () => void = () => this.end(0);
  #end: (exit: WorkerExit) => void = () => undefined;

  constructor(pid: number) {
    const { ends } = linePair();
    [this.line, this.ownLine] = ends;
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Takes its place at the line; resolves to its peer when the primary has told it what to begin with. */
  async begin(calls: Partial<WorkerCalls> & Calls = {}): Promise<Peer<PrimaryCalls>> {
    const peer = new Peer<PrimaryCalls>({
      line: this.ownLine,
      calls: { figures: async () => [], ...calls },
      clock: new FakeClock(),
      log: new RecordLog(),
    });
    this.begun = await peer.ask("begin", null);
    return peer;
  }

  /** What the primary told it. */
  begun: unknown = null;

  /** Begins and serves. */
  async serve(calls: Partial<WorkerCalls> & Calls = {}): Promise<Peer<PrimaryCalls>> {
    const peer = await this.begin(calls);
    peer.tell("listening", "http://127.0.0.1:4001");
    return peer;
  }

  end(how: number | "SIGKILL" | "SIGTERM" | "spawn failed"): void {
    this.#end(typeof how === "number" ? { code: how, how: `exit code ${how}` } : { code: null, how });
  }

  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void {
    this.signals.push(signal);
    if (signal === "SIGKILL") this.end("SIGKILL");
    else this.onSigterm();
  }
}
