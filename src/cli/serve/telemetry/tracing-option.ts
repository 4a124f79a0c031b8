/** The options with which a process traces its requests, and how it begins and ends that. Off, it loads nothing. */
import { InvalidArgumentError, type Command } from "commander";
import type { Clock } from "../../../core/clock.js";
import type { Log } from "../../../core/log.js";
import type { Tracer } from "../../../core/tracing.js";
import { option } from "../../options/option.js";
import { within } from "../stop-request.js";

/** How long a stopping process waits for the collector to take its last spans: well within `stopMarginMs`. */
export const traceFlushMs = 1_000;

export interface TracingOptions {
  readonly traceEndpoint?: string;
  readonly traceSample: number;
}

export function addTracingOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--trace-endpoint <url>",
        "URL of an OpenTelemetry collector (OTLP over HTTP); without it nothing is traced",
      ).argParser(parseTraceEndpoint),
    )
    .addOption(
      option("--trace-sample <ratio>", "share of requests to trace, 0 to 1, where the client has not decided")
        .argParser(parseRatio)
        .default(1),
    );
}

/** The same options for a process started by this one. */
export function tracingArguments({ traceEndpoint, traceSample }: TracingOptions): readonly string[] {
  return traceEndpoint === undefined ? [] : ["--trace-endpoint", traceEndpoint, "--trace-sample", `${traceSample}`];
}

export interface Tracing {
  /** To be spread into the options of what is traced; empty when nothing is. */
  readonly traced: { readonly tracer?: Tracer };
  /** Sends the waiting spans, for at most `traceFlushMs`. */
  close(): Promise<void>;
}

export async function openTracing(
  { traceEndpoint, traceSample }: TracingOptions,
  service: { readonly name: string; readonly instance: string },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Tracing> {
  if (traceEndpoint === undefined) return { traced: {}, close: async () => {} };
  const { OtelTracer } = await import("./otel-tracer.js");
  const tracer = new OtelTracer({ url: traceEndpoint, sampleRatio: traceSample, service, log });
  return {
    traced: { tracer },
    async close() {
      if (
        (await within(
          tracer.close().then(() => true),
          traceFlushMs,
          clock,
        )) === null
      ) {
        log.warn({ traceFlushMs }, "The trace collector did not accept the last traces in time; they are lost.");
      }
    },
  };
}

/** As in OpenTelemetry, `/v1/traces` is added to an endpoint without a path. */
function parseTraceEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError("It must be an http or https URL.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError(
      "It must not contain a user name or password; set OTEL_EXPORTER_OTLP_HEADERS instead.",
    );
  }
  return url.pathname === "/" ? `${url.origin}/v1/traces` : url.href;
}

function parseRatio(text: string): number {
  const ratio = /^\d(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new InvalidArgumentError("It must be a number from 0 to 1.");
}
