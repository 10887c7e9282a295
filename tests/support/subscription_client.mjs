// Follows one subscription with an official client and prints each item as a line of JSON.
// node subscription_client.mjs KIND PACKAGE_FOLDER URL; KIND is graphql-ws, graphql-sse,
// graphql-sse-id or apollo. In the environment: HUB_TOKEN, and DOCUMENT, which takes $after.
// It goes on from the cursor of its last item whenever the server is lost; SIGTERM ends it.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [kind, folder, url] = process.argv.slice(2);
const from = createRequire(pathToFileURL(join(folder, "package.json")));
const { HUB_TOKEN: token, DOCUMENT: query } = process.env;
const authorization = `Bearer ${token}`;
const variables = { after: null };
const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
const tell = (line) => console.log(JSON.stringify(line));

function taken(answer) {
  if (answer.errors?.length) {
    tell({ errors: answer.errors });
    return;
  }
  const [item] = Object.values(answer.data);
  if (item.cursor) variables.after = item.cursor;
  tell({ item });
}

const sink = (what) => ({
  next: taken,
  error: (error) => tell({ failed: String(error?.message ?? JSON.stringify(error)), what }),
  complete: () => tell({ complete: what }),
});

function socketClient(options) {
  const { createClient } = from("graphql-ws");
  return createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: from("ws"),
    connectionParams: { authorization },
    on: {
      connected: () => tell({ connected: kind }),
      closed: (event) => tell({ closed: event.code, reason: event.reason }),
    },
    ...options,
  });
}

function overSockets() {
  const client = socketClient({
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: pause,
  });
  // The client sends this object again after it has reconnected, with the cursor of its last item.
  client.subscribe({ query, variables }, sink(kind));
}

function overEvents(resumesById) {
  const { createClient } = from("graphql-sse");
  const sent = { query, variables: resumesById ? {} : variables };
  const client = createClient({
    url,
    retryAttempts: Infinity,
    retry: pause,
    headers: () => ({
      authorization,
      ...(resumesById && variables.after ? { "last-event-id": variables.after } : {}),
    }),
  });
  client.subscribe(sent, sink(kind));
}

async function overApollo() {
  const { ApolloClient, InMemoryCache, gql } = from("@apollo/client");
  globalThis.WebSocket ??= from("ws"); // the link asks for its constants; Node 20 has none
  const { GraphQLWsLink } = from("@apollo/client/link/subscriptions");
  const link = new GraphQLWsLink(socketClient({ retryAttempts: 0 }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const document = gql(query);
  for (;;) {
    await new Promise((over) =>
      client.subscribe({ query: document, variables: { ...variables } }).subscribe({
        next: (answer) => (answer.error ? over(tell({ failed: answer.error.message })) : taken(answer)),
        error: (error) => over(tell({ failed: error.message })),
        complete: over,
      }),
    );
    await pause();
  }
}

process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 1_000);
await {
  "graphql-ws": overSockets,
  "graphql-sse": () => overEvents(false),
  "graphql-sse-id": () => overEvents(true),
  apollo: overApollo,
}[kind]();
