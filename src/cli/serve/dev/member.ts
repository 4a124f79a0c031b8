/** One process of `shardgate dev`: a gateway, a storage node or the registry, from its start to its end. */
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Clock } from "../../../core/clock.js";
import type { Child, Environment } from "../../environment/environment.js";
import { CommandFailure } from "../../terminal/command-failure.js";
import { within } from "../stop-request.js";
import { saidBytesMax } from "./last-line.js";

export type MemberKind = "gateway" | "node" | "registry";

export interface MemberPlan {
  readonly kind: MemberKind;
  readonly name: string;
  /** What the process is, in words for the terminal. */
  readonly role: string;
  /** Arguments of the program, the command first. */
  readonly args: readonly string[];
  readonly logPath: string;
}

export class Member {
  readonly plan: MemberPlan;
  readonly pid: number | undefined;
  /** Resolves to the URL that the process reports to listen on. */
  readonly listening: Promise<string>;
  /** Resolves to how it ended. */
  readonly exited: Promise<string>;
  readonly #child: Child;

  private constructor(plan: MemberPlan, child: Child) {
    this.plan = plan;
    this.#child = child;
    this.pid = child.pid;
    this.exited = child.exited;
    this.listening = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const [word, url] = line.split(" ");
        if (word === "listening" && url !== undefined) resolve(url);
      });
    });
  }

  static start(plan: MemberPlan, environment: Environment): Member {
    return new Member(plan, environment.startChild(plan.args, plan.logPath));
  }

  /** Never resolves; rejects when the process ends, with the last line of its output. */
  async endAsFailure(): Promise<never> {
    const how = await this.exited;
    const { name, logPath } = this.plan;
    const said = await lastWords(logPath);
    throw new CommandFailure(`${name} ended before the cluster was ready (${how})${said === "" ? "." : `: ${said}`}`);
  }

  /** Asks the process to end and, when it takes longer than `timeoutMs`, ends it. */
  async stop(timeoutMs: number, clock: Clock): Promise<void> {
    this.#child.kill("SIGTERM");
    if ((await within(this.exited, timeoutMs, clock)) !== null) return;
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}

/** The line with which the command line says why it failed, or else the last line of the log. */
async function lastWords(logPath: string): Promise<string> {
  const lines = (await tail(logPath)).split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((line) => line.startsWith("shardgate: ")) ?? lines.at(-1) ?? "";
  return line.replace(/^shardgate: /, "");
}

async function tail(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - saidBytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(saidBytesMax), 0, saidBytesMax, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
