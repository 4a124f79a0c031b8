/**
 * The parsed content of a small file that is polled for changes. Texts are compared, so it does not matter how the file
 * was changed: written, renamed over, or by a replaced symbolic link, as Kubernetes does. If a file becomes unreadable
 * or invalid, that is logged and the previous content stays in force. A new text takes effect once two consecutive
 * polls have read it, because a file that is written in place is empty or incomplete for a moment.
 */
import { open } from "node:fs/promises";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { RepeatingTask } from "../../core/tasks/repeating-task.js";

/**
 * Interval of reading the files with tokens and keys. A change takes effect once two consecutive reads have seen it.
 */
export const accessFileCheckMs = 500;

/** Longest file of tokens or of keys that tokens are signed with: thousands of entries. */
export const accessFileBytesMax = 4 * 1024 * 1024;

export interface WatchedFileParts<Content> {
  readonly path: string;
  /** Throws ShardgateError for an invalid text. */
  readonly parse: (text: string) => Content;
  readonly clock: Clock;
  readonly log: Log;
}

export class WatchedFile<Content> {
  readonly #parts: WatchedFileParts<Content>;
  readonly #watch: RepeatingTask;
  #text: string;
  #content: Content;
  /** The text that the last poll read. */
  #seen: string;
  /** The last logged problem; "" if there is none. */
  #trouble = "";

  /** Rejects with the error of the file system, or of `parse`, because there is no previous content. */
  static async open<Content>(parts: WatchedFileParts<Content>): Promise<WatchedFile<Content>> {
    const text = await textOf(parts.path);
    return new WatchedFile(parts, text, parts.parse(text));
  }

  private constructor(parts: WatchedFileParts<Content>, text: string, content: Content) {
    this.#parts = parts;
    this.#text = text;
    this.#seen = text;
    this.#content = content;
    const { clock, log } = parts;
    this.#watch = new RepeatingTask({ clock, log, pauseMs: accessFileCheckMs, work: () => this.#look() });
    this.#watch.start();
  }

  /** The last valid content. */
  get content(): Content {
    return this.#content;
  }

  close(): Promise<void> {
    return this.#watch.stop();
  }

  async #look(): Promise<void> {
    const { path, parse, log } = this.#parts;
    try {
      const text = await textOf(path);
      if (this.#isFirstSeen(text)) return;
      if (text !== this.#text) {
        this.#content = parse(text);
        this.#text = text;
        log.info({ file: path }, "A changed file was loaded.");
      }
      this.#trouble = "";
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble === this.#trouble) return;
      this.#trouble = trouble;
      log.error({ file: path, reason: trouble }, "A changed file cannot be used; its previous contents stay in use.");
    }
  }

  #isFirstSeen(text: string): boolean {
    const isFirst = text !== this.#seen;
    this.#seen = text;
    return isFirst;
  }
}

async function textOf(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const stats = await handle.stat();
    // Anything else may be of unknown length or endless.
    if (!stats.isFile()) throw new ShardgateError("BAD_REQUEST", "It is not a regular file.");
    if (stats.size > accessFileBytesMax) {
      throw new ShardgateError("BAD_REQUEST", `It is longer than ${accessFileBytesMax} bytes.`);
    }
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
