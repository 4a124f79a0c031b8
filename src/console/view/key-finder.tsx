/** The form that finds the shard and storage node of a key, and its value. */
import { useRef, useState } from "preact/hooks";
import { bytesText, lowerText, momentText } from "../model/format.js";
import { findKey, type FindResult, type FoundEntry } from "../model/gateway.js";
import { laidOut } from "../model/json-lines.js";
import { usePlatform } from "../platform.js";
import { ProblemNote } from "./parts/problem.js";

export interface KeyFinderProps {
  /** Called with the shard of the key that was looked up. */
  readonly onPlace: (shard: number) => void;
}

export function KeyFinder({ onPlace }: KeyFinderProps) {
  const { post } = usePlatform();
  const [key, setKey] = useState("");
  const [result, setResult] = useState<FindResult | null>(null);
  const [isAsking, setAsking] = useState(false);
  // Answers may overtake each other; only that to the last question counts.
  const asked = useRef(0);
  const find = async (): Promise<void> => {
    const turn = ++asked.current;
    setAsking(true);
    const found = await findKey(post, key);
    if (turn !== asked.current) return;
    setAsking(false);
    setResult(found);
    if (found.kind !== "failed") onPlace(found.place.shard);
  };
  return (
    <section class="card" aria-labelledby="find-title">
      <h2 id="find-title">Find a key</h2>
      <form
        class="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <input
          type="text"
          aria-label="Key"
          placeholder="user123"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="none"
          required
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
        <button type="submit" class="primary">
          Find
        </button>
      </form>
      <div id="found" aria-live="polite">
        {isAsking ? <p class="place hint">Asking the gateway…</p> : result !== null && <Result result={result} />}
      </div>
    </section>
  );
}

function Result({ result }: { readonly result: FindResult }) {
  if (result.kind === "failed") return <ProblemNote problem={result.problem} />;
  const { key, place, entry, problem } = result;
  return (
    <>
      <p class="place">
        <code>{key}</code> belongs to <strong>shard {place.shard}</strong>{" "}
        {place.node === null ? (
          "which no storage node owns"
        ) : (
          <>
            on <strong>{place.node}</strong> ({lowerText(place.state)})
          </>
        )}
      </p>
      {result.kind === "missing" && <p class="hint">No entry has this key.</p>}
      {result.kind === "unreadable" && problem !== null && <ProblemNote problem={problem} />}
      {entry !== null && <EntryView entry={entry} />}
    </>
  );
}

function EntryView({ entry }: { readonly entry: FoundEntry }) {
  const { text, isCut } = laidOut(entry.valueText);
  return (
    <>
      <pre tabIndex={0} role="region" aria-label="Value">
        {text}
      </pre>
      {isCut && <p class="hint">Only the beginning is shown.</p>}
      <dl class="facts">
        <dt>size</dt>
        <dd>{bytesText(entry.sizeBytes)}</dd>
        <Fact name="version" value={entry.version} />
        <Fact name="written" value={entry.updatedAt === null ? null : momentText(entry.updatedAt)} />
        <Fact name="created" value={entry.createdAt === null ? null : momentText(entry.createdAt)} />
        <Fact name="expires" value={entry.expiresAt === null ? null : momentText(entry.expiresAt)} />
      </dl>
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string | null }) {
  if (value === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
