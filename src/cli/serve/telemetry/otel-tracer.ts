/**
 * Traces by OpenTelemetry's own SDK, sent to a collector as OTLP over HTTP. Loaded only when an option asks for traces
 * (see tracing-option.ts). Spans wait in a bounded queue and are dropped when it is full: requests never wait for a
 * collector.
 */
import { ROOT_CONTEXT, SpanKind as OtelKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { Context, Span as OtelSpan, SpanContext, Tracer as OtelApiTracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type SpanExporter,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../../../core/log.js";
import type { Span, SpanKind, SpanStart, Tracer } from "../../../core/tracing.js";

/** Most finished spans that wait to be sent to a collector; further ones are dropped. A few MiB of memory at most. */
export const traceQueueMax = 2_048;

/** Most spans of one message to a collector. */
const traceBatchMax = 512;

/** How long finished spans gather before they are sent. Traces are read much later than that. */
export const traceExportMs = 1_000;

/** How long a collector may take to answer, tries included; a process that stops may stay this long for its sockets. */
const traceExportTimeoutMs = 3_000;

/**
 * Most links of one span: a batch serves as many requests as it has operations, and more links than these are of no use
 * to a reader.
 */
export const spanLinksMax = 128;

/** Longest text in a span; names of operations come from clients. */
export const spanAttributeCharactersMax = 256;

export interface OtelTracerOptions {
  /** Of the collector: the whole URL to which spans are posted. */
  readonly url: string;
  /** Share of the requests without a parent that are traced, 0 to 1; those with one follow it. */
  readonly sampleRatio: number;
  /** Names the process in its traces. */
  readonly service: { readonly name: string; readonly instance: string };
  readonly log: Log;
}

export class OtelTracer implements Tracer {
  readonly #provider: TracerProvider;
  readonly #tracer: OtelApiTracer;

  constructor({ url, sampleRatio, service, log }: OtelTracerOptions) {
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({ "service.name": service.name, "service.instance.id": service.instance }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
      spanLimits: { linkCountLimit: spanLinksMax, attributeValueLengthLimit: spanAttributeCharactersMax },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new LoggedExporter(new OTLPTraceExporter({ url, timeoutMillis: traceExportTimeoutMs }), url, log),
          maxQueueSize: traceQueueMax,
          maxExportBatchSize: traceBatchMax,
          scheduledDelayMillis: traceExportMs,
          exportTimeoutMillis: traceExportTimeoutMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer("shardgate");
  }

  start(name: string, { kind, parent, links = [], attributes = {} }: SpanStart): Span {
    const options = { kind: kinds[kind], links: links.map((link) => ({ context: contextOf(link) })), attributes };
    return new RecordedSpan(this.#tracer.startSpan(name, options, parentContext(parent)));
  }

  /** Sends the waiting spans. Never rejects; the caller bounds the wait. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }
}

const kinds: Readonly<Record<SpanKind, OtelKind>> = {
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  internal: OtelKind.INTERNAL,
};

class RecordedSpan implements Span {
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    this.#span = span;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  set(attributes: Readonly<Record<string, string | number>>): void {
    this.#span.setAttributes(attributes);
  }

  link(span: Span): void {
    this.#span.addLink({ context: contextOf(span) });
  }

  fail(reason: string): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
    this.#span.setAttribute("error.type", reason);
  }

  end(): void {
    this.#span.end();
  }
}

/** Logs when sending begins to fail and when it works again: the SDK itself would drop the spans without a log line. */
class LoggedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #url: string;
  readonly #log: Log;
  #isFailing = false;

  constructor(exporter: SpanExporter, url: string, log: Log) {
    this.#exporter = exporter;
    this.#url = url;
    this.#log = log;
  }

  export(...[spans, done]: Parameters<SpanExporter["export"]>): void {
    this.#exporter.export(spans, (result) => {
      this.#tell(result.error);
      // Failures are logged here; the SDK would print them to standard error as well.
      done({ code: 0 });
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #tell(error: Error | undefined): void {
    const isFailing = error !== undefined;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    const url = this.#url;
    if (!isFailing) this.#log.info({ url }, "The trace collector accepts traces again.");
    else {
      this.#log.warn(
        { url, err: error },
        "The trace collector does not accept traces; they are lost. Check --trace-endpoint.",
      );
    }
  }
}

function parentContext(parent: Span | string | null): Context {
  const context = typeof parent === "string" ? parsed(parent) : parent === null ? null : contextOf(parent);
  return context === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, context);
}

function contextOf({ traceparent }: Span): SpanContext {
  const context = parsed(traceparent);
  if (context === null) throw new Error(`A span of ours has the traceparent ${traceparent}.`);
  return { ...context, isRemote: false };
}

/** W3C Trace Context, 3.2: a newer version may have more fields after the flags. Null when the header is invalid. */
function parsed(traceparent: string): SpanContext | null {
  const match = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(
    traceparent,
  );
  if (match === null || (traceparent.startsWith("00") && traceparent.length !== 55)) return null;
  const [, traceId = "", spanId = "", flags = ""] = match;
  const isSampled = (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0;
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}
