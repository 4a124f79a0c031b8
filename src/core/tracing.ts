/**
 * Traces, as far as the code below cli/ knows them: spans with attributes and links, that continue what another process
 * began. Made by cli/serve/telemetry/otel-tracer.ts when asked for; otherwise there is no tracer, and nothing is measured for one.
 */

export interface Span {
  /** W3C Trace Context: continues this span in another process. */
  readonly traceparent: string;
  /** False when sampling left it out: nothing that it is told is kept. */
  readonly isRecorded: boolean;
  set(attributes: Readonly<Record<string, string | number>>): void;
  /** Points to a span that has to do with this one without being its parent. */
  link(span: Span): void;
  /** Marks it as failed, for `reason`. */
  fail(reason: string): void;
  /** Nothing may be told to it afterwards. */
  end(): void;
}

/** Of OpenTelemetry: what answers a request, what sends one, what is done within a process. */
export type SpanKind = "server" | "client" | "internal";

export interface SpanStart {
  readonly kind: SpanKind;
  /** Null begins a new trace. Text is a `traceparent` that came with a request; one that is none is ignored. */
  readonly parent: Span | string | null;
  readonly links?: readonly Span[];
  readonly attributes?: Readonly<Record<string, string | number>>;
}

export interface Tracer {
  start(name: string, start: SpanStart): Span;
}

/**
 * A span for work that is done for several others at once: the child of the first that is recorded, or else of the first,
 * linked with all that are recorded. Undefined when there is nothing that it could serve.
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
  // The others have it in another trace than their own: without this nobody would find it from there.
  for (const one of recorded) if (one !== parent) one.link(span);
  return span;
}

/** The request that a server span is for. `route`: its pattern, because a path has keys in it. */
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

/** Its answer is on its way, or nobody is left to take it. */
export function endRequestSpan(span: Span, status: number): void {
  span.set({ "http.response.status_code": status });
  if (status >= 500) span.fail(String(status));
  span.end();
}
