/** Calls of a server of several workers, and what its log tells of them. */
import { request } from "node:http";
import type { Run } from "./processes.js";

export interface FreshAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface FreshCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A connection on its way to a worker that is killed in that moment has no answer; Node.js forgets it. */
const timeoutMs = 8_000;

/** Over a connection of its own: those are handed to the workers in turn. */
export function freshCall(url: string, { method = "GET", headers = {}, body }: FreshCall = {}): Promise<FreshAnswer> {
  return new Promise((resolve, reject) => {
    const all = { "content-type": "application/json", ...headers };
    const call = request(url, { method, agent: false, headers: all, signal: AbortSignal.timeout(timeoutMs) });
    call.once("error", reject);
    call.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    call.end(body);
  });
}

interface LogLine {
  readonly msg: string;
  readonly worker?: number;
  readonly pid?: number;
}

export function logLines({ stderr }: Run): readonly LogLine[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as LogLine);
}

/** The process ids of all workers that a run at level debug has said of that they serve; the newest of each number. */
export function workerPids(run: Run): ReadonlyMap<number, number> {
  const serving = logLines(run).filter(({ msg }) => msg === "A worker is serving requests.");
  return new Map(serving.map(({ worker = 0, pid = 0 }) => [worker, pid]));
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
