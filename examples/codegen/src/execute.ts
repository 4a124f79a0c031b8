/** Sends a typed document to shardgate. With `--persisted` it sends only the hash that the manifest has it under. */
import type { TypedDocumentString } from "./generated/graphql.js";

const url = process.env["SHARDGATE_URL"] ?? "http://127.0.0.1:4000/graphql";
const isPersisted = process.argv.includes("--persisted");

/** The answer's data. Throws when there are errors, even if some fields were answered. */
export async function execute<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const named = isPersisted ? { documentId: document.__meta__?.["hash"] } : { query: document.toString() };
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...named, variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  if (errors) throw new Error(errors.map(({ message, extensions }) => `${extensions.code}: ${message}`).join("\n"));
  if (!data) throw new Error("The answer has no data.");
  return data;
}

interface Answer<Data> {
  readonly data?: Data;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}
