/**
 * The jobs that contestants are given: which keys a request is about and what is done with them. How a job is said to a
 * contestant is its dialect's matter (dialects/). A workload has a name, the kinds of its jobs, and `jobAt(index)`.
 */
import { zipfian } from "./zipfian.mjs";

/** Entries of each size that are there before anything is timed. */
export const keyCount = 10_000;

/** The sizes of values that are there. */
export const sizes = [100, 4096];

export function keyOf(bytes, index) {
  return `bench:${bytes}:${String(index).padStart(5, "0")}`;
}

/** JSON text of exactly `bytes` bytes. */
export function valueOf(bytes, index) {
  const head = JSON.stringify({ index, text: "" });
  return JSON.stringify({ index, text: "x".repeat(Math.max(0, bytes - head.length)) });
}

/** The entry with a key that keyOf made, its value parsed. */
export function entryOf(key) {
  const [, bytes, index] = key.split(":").map(Number);
  return { key, value: JSON.parse(valueOf(bytes, index)) };
}

/** Far from its neighbours' keys, and every key in its turn. */
function spread(index) {
  return (index * 7919) % keyCount;
}

export function getWorkload(bytes) {
  return {
    name: `get, ${sizeText(bytes)}`,
    kinds: ["get"],
    jobAt: (index) => ({ kind: "get", key: keyOf(bytes, spread(index)) }),
  };
}

export function manyWorkload(count, bytes) {
  const keysAt = (index) => Array.from({ length: count }, (_, offset) => keyOf(bytes, spread(index + offset * 13)));
  return {
    name: `${count} keys of ${sizeText(bytes)}`,
    kinds: ["getMany"],
    jobAt: (index) => ({ kind: "getMany", keys: keysAt(index) }),
  };
}

export function putWorkload(bytes) {
  return {
    name: `put, ${sizeText(bytes)}`,
    kinds: ["put"],
    jobAt: (index) => ({ kind: "put", key: `put:${spread(index)}`, value: valueOf(bytes, index % keyCount) }),
  };
}

export function putManyWorkload(count, bytes) {
  const itemsAt = (index) =>
    Array.from({ length: count }, (_, offset) => ({
      key: `put:${spread(index + offset * 13)}`,
      value: valueOf(bytes, (index + offset) % keyCount),
    }));
  return {
    name: `putMany of ${count}, ${sizeText(bytes)}`,
    kinds: ["putMany"],
    jobAt: (index) => ({ kind: "putMany", items: itemsAt(index) }),
  };
}

/**
 * The core workloads of YCSB with zipfian keys: A half updates, B 5 % updates, C reads only, E short scans and 5 %
 * inserts (https://github.com/brianfrankcooper/YCSB/wiki/Core-Workloads). Entries have 100 B here, not ten fields of 100 B.
 */
export function ycsbWorkload(name) {
  const nextIndex = zipfian(keyCount);
  const share = { A: 0.5, B: 0.05, C: 0, E: 0.05 }[name];
  const readKind = name === "E" ? "scan" : "get";
  const readJob = () =>
    readKind === "scan"
      ? { kind: "scan", prefix: keyOf(100, nextIndex()).slice(0, -2), limit: 1 + Math.floor(Math.random() * 100) }
      : { kind: "get", key: keyOf(100, nextIndex()) };
  const writeJob = (index) => {
    const at = nextIndex();
    return { kind: "put", key: name === "E" ? `new:${index}` : keyOf(100, at), value: valueOf(100, at) };
  };
  return {
    name: `YCSB ${name}`,
    kinds: share === 0 ? [readKind] : [readKind, "put"],
    jobAt: (index) => (Math.random() < share ? writeJob(index) : readJob()),
  };
}

function sizeText(bytes) {
  return bytes >= 1024 ? `${bytes / 1024} KB` : `${bytes} B`;
}
