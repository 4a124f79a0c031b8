/**
 * The state of a storage node, in memory and as the engine's document. Where several processes serve one storage node the
 * document decides: each call of the engine says which version of it the caller went by, and on a newer one the engine
 * does nothing. So whatever a process has not heard of yet, an old epoch ends for all of them in the very moment in which
 * the new assignments are durable.
 */
import { ShardgateError } from "../core/error.js";
import { documentAttemptsMax } from "../core/limits.js";
import { DocumentChanged, type StorageEngine } from "../storage/engine.js";
import { nodeStateFromText, nodeStateToText, type NodeState } from "./node-state.js";

export interface KeptStateOptions {
  readonly engine: Pick<StorageEngine, "readDocument" | "writeDocument">;
  /** Other processes change the document too. */
  readonly isShared: boolean;
}

export class KeptState {
  readonly #options: KeptStateOptions;
  #state: NodeState | null = null;
  #version = 0;

  /** Throws STORAGE_FAILED when the document is damaged. */
  static async open(options: KeptStateOptions): Promise<KeptState> {
    const kept = new KeptState(options);
    await kept.#read();
    return kept;
  }

  private constructor(options: KeptStateOptions) {
    this.#options = options;
  }

  /** Null before the first assignments. */
  get current(): NodeState | null {
    return this.#state;
  }

  /** What `current` is the content of, for the calls of the engine; undefined where no other process changes it. */
  get version(): number | undefined {
    return this.#options.isShared ? this.#version : undefined;
  }

  /** Takes up what other processes have changed. Throws STORAGE_FAILED, and what the engine throws. */
  async refresh(): Promise<void> {
    if (this.#options.isShared) await this.#read();
  }

  /** For work that refuses all there is, and so asks the engine nothing that would tell. Rejects with DocumentChanged. */
  async confirm(): Promise<void> {
    if (!this.#options.isShared) return;
    const document = await this.#options.engine.readDocument();
    if ((document?.version ?? 0) !== this.#version) throw new DocumentChanged();
  }

  /**
   * Replaces the state with what `next` makes of it, durably; false when that is the same object. `next` may be called
   * again, with a newer state. Throws what it throws, OVERLOADED, and what the engine throws.
   */
  change(next: (state: NodeState | null) => NodeState | null): Promise<boolean> {
    return this.run(async () => {
      const state = next(this.#state);
      if (state === null || state === this.#state) return false;
      const version = await this.#options.engine.writeDocument(nodeStateToText(state), this.version);
      this.#take(state, version);
      return true;
    });
  }

  /** Runs `work`, which goes by `current`, again as often as the engine says that there is a newer one. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.isShared ? this.#runOnNewest(work) : work();
  }

  async #runOnNewest<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= documentAttemptsMax; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DocumentChanged)) throw error;
        await this.#read();
      }
    }
    const message = `The assignments of this storage node changed ${documentAttemptsMax} times meanwhile.`;
    throw new ShardgateError("OVERLOADED", message);
  }

  async #read(): Promise<void> {
    const document = await this.#options.engine.readDocument();
    // An older program wrote it without counting: then it is there, and its version is still 0.
    const isKnown = document === null || (document.version === this.#version && this.#state !== null);
    if (!isKnown) this.#take(nodeStateFromText(document.text), document.version);
  }

  /** Reads and writes end in any order; the newest stays. */
  #take(state: NodeState, version: number): void {
    if (version < this.#version) return;
    this.#state = state;
    this.#version = version;
  }
}
