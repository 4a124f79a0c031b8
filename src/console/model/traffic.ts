/** Prepares the traffic of the last minutes for the charts. */
import type { TrafficSecond } from "../../wire/console-events.js";
import { millisecondsText, shortText } from "./format.js";

export interface ChartLine {
  readonly label: string;
  /** Name of the CSS variable with the line's colour. */
  readonly colour: string;
  readonly isDashed: boolean;
  readonly isFilled: boolean;
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  readonly title: string;
  /** The current values of the chart, in words. */
  readonly text: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** Whether values are integers, so that the axis has no labels in between. */
  readonly isWhole: boolean;
}

/** Indexes of values without a neighbour: a line through them would be invisible. */
export function isolated(values: readonly (number | null)[]): readonly number[] {
  const isThere = (index: number): boolean => (values[index] ?? null) !== null;
  return values.flatMap((_, index) => (isThere(index) && !isThere(index - 1) && !isThere(index + 1) ? [index] : []));
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
    isWhole: true,
  };
}

/** Seconds after which a latency is no longer shown in words, because there have been no requests since. */
const lately = 10;

export function latencyChart(seconds: readonly TrafficSecond[]): ChartData {
  const latest = seconds.slice(-lately).findLast(([, , p50Ms]) => p50Ms !== null);
  return {
    title: "Latency of requests",
    text:
      latest === undefined
        ? `no requests in the last ${lately} seconds`
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
    isWhole: false,
  };
}

function timesOf(seconds: readonly TrafficSecond[]): readonly number[] {
  return seconds.map(([atMs]) => atMs / 1_000);
}
