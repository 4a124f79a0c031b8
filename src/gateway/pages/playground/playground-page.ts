/**
 * The HTML of the playground's two pages. Scripts and styles are files, because the Content-Security-Policy forbids
 * inline ones. Every reference is relative, because a reverse proxy may serve the gateway under a path that the gateway
 * does not know.
 */

export interface PlaygroundPageParts {
  /** The beginning of the references to all files, relative to the page's address. */
  readonly base: string;
  readonly hasConsole: boolean;
  /** Whether callers need credentials. */
  readonly asksForToken: boolean;
}

export function playgroundPage({ base, hasConsole, asksForToken }: PlaygroundPageParts): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>shardgate playground</title>
    <link rel="icon" href="${base}icon.svg" />
    <link rel="stylesheet" href="${base}graphiql.css" />
    <link rel="stylesheet" href="${base}playground.css" />
    <script defer src="${base}graphiql.js"></script>
    <script type="module" src="${base}boot.js"></script>
  </head>
  <body>
    <noscript>The playground needs JavaScript.</noscript>
    <header class="bar">
      <h1><strong>shardgate</strong> playground</h1>
${asksForToken ? tokenForm : ""}      <nav aria-label="Other pages of the gateway">
${hasConsole ? `        <a href="./">Console</a>\n` : ""}        <a href="openapi.json">REST</a>
      </nav>
    </header>
    <main id="root"></main>
  </body>
</html>
`;
}

/** The form for a token. The script shows one half of it or the other. */
const tokenForm = `      <form id="token" autocomplete="off">
        <p id="token-kept" hidden>Your token goes with every request. <button type="button" id="token-forget">Sign out</button></p>
        <p id="token-asked" hidden>
          <label for="token-text">Token</label>
          <input id="token-text" type="password" autocomplete="off" spellcheck="false" required
            pattern="\\s*[A-Za-z0-9._~+\\/\\-]+=*\\s*" title="A token consists of letters, digits and - . _ ~ + / =" aria-describedby="token-problem" />
          <button type="submit">Sign in</button>
        </p>
        <p id="token-problem" role="alert"></p>
      </form>
`;

export const missingPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>shardgate playground</title>
  </head>
  <body>
    <h1>The playground is not built</h1>
    <p>GraphQL is served here; only the files of this page are missing. <code>npm run build</code> makes them.</p>
  </body>
</html>
`;
