/** REST: the gateway's facade, which has one entry at a time, and the bare proxy, which adds routes for many. */
import { itemsText } from "./job-text.mjs";

const valueStart = '{"index":';

function dataRequest(job, origin) {
  const path = `/data/${encodeURIComponent(job.key)}`;
  return job.kind === "put"
    ? { origin, method: "PUT", path, body: job.value, answerStart: "" }
    : { origin, method: "GET", path, answerStart: valueStart };
}

export const facade = {
  requestsOf: (job, origin) => [dataRequest(job, origin)],
  resultOf: (job, [text]) => (job.kind === "get" ? [JSON.parse(text)] : null),
};

export const proxy = {
  requestsOf: (job, origin) => [proxyRequest(job, origin)],
  resultOf: (job, [text]) => {
    if (job.kind === "get") return [JSON.parse(text)];
    if (job.kind === "scan") return JSON.parse(text).map(({ key, value }) => ({ key, value }));
    return job.kind === "getMany" ? JSON.parse(text) : null;
  },
};

function proxyRequest(job, origin) {
  switch (job.kind) {
    case "getMany": {
      const body = `{"keys":${JSON.stringify(job.keys)}}`;
      return { origin, method: "POST", path: "/many", body, answerStart: `[${valueStart}` };
    }
    case "putMany":
      return { origin, method: "PUT", path: "/many", body: itemsText(job.items), answerStart: "[]" };
    case "scan": {
      const path = `/page?prefix=${encodeURIComponent(job.prefix)}&limit=${job.limit}`;
      return { origin, method: "GET", path, answerStart: '[{"key":' };
    }
    default:
      return dataRequest(job, origin);
  }
}
