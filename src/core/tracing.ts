/**
 * The tracing interface for the code below cli/: spans with attributes and links, which continue traces of other
 * processes. cli/serve/telemetry/otel-tracer.ts implements it when tracing is switched on; otherwise there is no
 * tracer, and nothing is measured.
 */

export interface Span {
  /** W3C Trace Context: continues this span in another process. */
  readonly traceparent: string;
  /** False when sampling has excluded the span: its data are discarded. */
  readonly isRecorded: boolean;
  set(attributes: Readonly<Record<string, string | number>>): void;
  /** Links to a related span that is not the parent. */
  link(span: Span): void;
  /** Marks the span as failed, for `reason`. */
  fail(reason: string): void;
  /** Ends the span; it must not be used afterwards. */
  end(): void;
}

/** OpenTelemetry's kinds: a request that is answered, a request that is sent, work within a process. */
export type SpanKind = "server" | "client" | "internal";

export interface SpanStart {
  readonly kind: SpanKind;
  /** Null begins a new trace. A text is the `traceparent` of a request; an invalid one is ignored. */
  readonly parent: Span | string | null;
  readonly links?: readonly Span[];
  readonly attributes?: Readonly<Record<string, string | number>>;
}

export interface Tracer {
  start(name: string, start: SpanStart): Span;
}

/**
 * A span for work that serves several other spans at once: the child of the first recorded one, or else of the first,
 * with links to all recorded ones. Undefined without a tracer or spans.
 */
export function startShared(
  tracer: Tracer | undefined,
  name: string,
  served: readonly Span[],
  start: Omit<SpanStart, "parent" | "links">,
): Span | undefined {
  const recorded = served.filter(({ isRecorded }) => isRecorded);
  const parent = recorded[0] ?? served[0];
  if (tracer === undefined || parent === undefined) return undefined;
  const span = tracer.start(name, { ...start, parent, links: recorded });
  // The others are in other traces; only these links lead from there to this span.
  for (const one of recorded) if (one !== parent) one.link(span);
  return span;
}

/** The request that a server span is for. `route`: the pattern, because a path contains keys. */
export interface TracedRequest {
  readonly method: string;
  readonly route: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The span of one HTTP request that this process answers (OpenTelemetry's semantic conventions for HTTP servers). */
export function startRequestSpan(tracer: Tracer, { method, route, headers }: TracedRequest): Span {
  const { traceparent, "x-request-id": requestId } = headers;
  return tracer.start(`${method} ${route}`, {
    kind: "server",
    parent: typeof traceparent === "string" ? traceparent : null,
    attributes: {
      "http.request.method": method,
      "http.route": route,
      ...(typeof requestId === "string" && { "shardgate.request_id": requestId }),
    },
  });
}

/** Ends the span when the answer is sent, or when the client is gone. */
export function endRequestSpan(span: Span, status: number): void {
  span.set({ "http.response.status_code": status });
  if (status >= 500) span.fail(String(status));
  span.end();
}
