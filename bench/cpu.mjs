/**
 * CPU time of processes, user and system, by the kernel's accounting. /proc/<pid>/stat counts in ticks of 10 ms, each of
 * its sums rounded down, which is coarse for a round of a second over several processes; schedstat has the same time in
 * nanoseconds, but thread by thread and without threads that have ended. So threads are read one by one, and ticks stand
 * in when they show more than rounding explains, because a thread or a process came to its end.
 */
import { readdirSync, readFileSync } from "node:fs";

const msPerTick = 10;
/** Fields 14 to 17 of proc(5): user and system time of its own, and of children that have ended. */
const timeFields = [11, 15];

/** What `roots` and the processes that they started have used so far, for `cpuMsBetween`. */
export function readCpu(roots) {
  const threads = new Map();
  let processes = 0;
  let ticks = 0;
  for (const pid of withDescendants(roots)) {
    const fields = statOf(pid);
    if (fields === null) continue;
    processes++;
    for (const field of fields.slice(...timeFields)) ticks += Number(field);
    for (const thread of listOf(`/proc/${pid}/task`)) {
      const [ns] = textOf(`/proc/${pid}/task/${thread}/schedstat`).split(" ");
      threads.set(thread, Number(ns));
    }
  }
  return { threads, processes, ticks };
}

/** Milliseconds of CPU time between two readings of the same processes. */
export function cpuMsBetween(before, after) {
  let ns = 0;
  for (const [thread, used] of after.threads) ns += used - (before.threads.get(thread) ?? 0);
  const ticksMs = (after.ticks - before.ticks) * msPerTick;
  const roundingMs = after.processes * (timeFields[1] - timeFields[0]) * msPerTick;
  return ticksMs > ns / 1e6 + roundingMs ? ticksMs : ns / 1e6;
}

function withDescendants(roots) {
  const children = new Map();
  for (const pid of listOf("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = statOf(pid)?.[1];
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [];
  const visit = (pid) => {
    all.push(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  for (const root of roots) visit(String(root));
  return all;
}

/** The fields of proc(5) from the third on, as the name before may contain anything; null for a process that has ended. */
function statOf(pid) {
  const text = textOf(`/proc/${pid}/stat`);
  return text === "" ? null : text.replace(/^.*\) /s, "").split(" ");
}

/** A process may end between its listing and its reading. */
function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function listOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
