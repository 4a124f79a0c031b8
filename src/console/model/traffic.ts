/** The traffic of the last minutes as the charts draw it. */
import type { TrafficSecond } from "../../wire/console.js";
import { millisecondsText, shortText } from "./format.js";

export interface Line {
  readonly label: string;
  /** Name of the CSS variable that has its colour. */
  readonly colour: string;
  readonly isDashed: boolean;
  readonly isFilled: boolean;
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  readonly title: string;
  /** What the chart says, in words. */
  readonly text: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

export function requestChart(seconds: readonly TrafficSecond[]): ChartData {
  const values = seconds.map(([, requests]) => requests);
  const now = values.at(-1) ?? 0;
  return {
    title: "Requests per second",
    text: `${shortText(now)} now, at most ${shortText(Math.max(0, ...values))}`,
    times: timesOf(seconds),
    lines: [{ label: "requests", colour: "--line-a", isDashed: false, isFilled: true, values }],
    format: shortText,
  };
}

export function latencyChart(seconds: readonly TrafficSecond[]): ChartData {
  const latest = seconds.findLast(([, , p50Ms]) => p50Ms !== null);
  return {
    title: "Latency of requests",
    text:
      latest === undefined
        ? "no requests yet"
        : `p50 ${millisecondsText(latest[2])}, p99 ${millisecondsText(latest[3])}`,
    times: timesOf(seconds),
    lines: [
      {
        label: "p50",
        colour: "--line-a",
        isDashed: false,
        isFilled: false,
        values: seconds.map(([, , p50Ms]) => p50Ms),
      },
      {
        label: "p99",
        colour: "--line-b",
        isDashed: true,
        isFilled: false,
        values: seconds.map(([, , , p99Ms]) => p99Ms),
      },
    ],
    format: millisecondsText,
  };
}

function timesOf(seconds: readonly TrafficSecond[]): readonly number[] {
  return seconds.map(([atMs]) => atMs / 1_000);
}
