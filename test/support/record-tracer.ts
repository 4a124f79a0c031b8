/** A tracer that keeps its spans, so that a test can ask who is whose parent and what is linked. */
import type { Span, SpanStart, Tracer } from "../../src/core/tracing.js";

export class RecordSpan implements Span {
  readonly name: string;
  readonly kind: SpanStart["kind"];
  readonly parent: SpanStart["parent"];
  readonly links: Span[];
  attributes: Readonly<Record<string, string | number>>;
  failure: string | null = null;
  isEnded = false;
  readonly traceparent: string;
  readonly isRecorded: boolean;

  constructor(name: string, { kind, parent, links = [], attributes = {} }: SpanStart, number: number) {
    this.name = name;
    this.kind = kind;
    this.parent = parent;
    this.links = [...links];
    this.attributes = attributes;
    this.isRecorded = typeof parent !== "string" || !parent.endsWith("-00");
    this.traceparent = `00-${"a".repeat(32)}-${String(number).padStart(16, "0")}-0${this.isRecorded ? 1 : 0}`;
  }

  set(attributes: Readonly<Record<string, string | number>>): void {
    this.attributes = { ...this.attributes, ...attributes };
  }
  link(span: Span): void {
    this.links.push(span);
  }
  fail(reason: string): void {
    this.failure = reason;
  }
  end(): void {
    this.isEnded = true;
  }
}

export class RecordTracer implements Tracer {
  readonly spans: RecordSpan[] = [];

  start(name: string, start: SpanStart): RecordSpan {
    const span = new RecordSpan(name, start, this.spans.length + 1);
    this.spans.push(span);
    return span;
  }

  named(name: string): readonly RecordSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}
