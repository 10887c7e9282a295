// Follows a subscription over server-sent events, over as many connections as it takes. It goes on
// after the last cursor, which the hub gives as the id of each event.
import { reasons, token } from "./graphql.js";

const SILENCE_MS = 45_000; // the hub comments every 15 s; three missing mean that nobody is there
const WAIT_MS = [500, 5_000]; // before the first and between later tries to come back
const EVENT_CHARACTERS_MAX = 8_000_000;
const FROM_THE_STATE = ["CURSOR_EXPIRED", "CURSOR_FOREIGN"];

// Calls onItem(item) for each item and onState(state, reason) with CONNECTING, LIVE, DEGRADED,
// RECONNECTING or ENDED. Answers with a function that ends it.
export function follow({ document: query, variables, onItem, onState }) {
  const stream = new Following({ query, variables }, onItem, onState);
  stream.run();
  return () => stream.stop();
}

class Following {
  constructor(question, onItem, onState) {
    this.body = JSON.stringify(question);
    this.onItem = onItem;
    this.onState = onState;
    this.cursor = null;
    this.tries = 0;
    this.isStopped = false;
  }

  stop() {
    this.isStopped = true;
    this.connection?.abort();
    this.wake?.();
  }

  async run() {
    this.onState("CONNECTING");
    while (!this.isStopped) {
      let verdict;
      try {
        verdict = await this.connect();
      } catch (error) {
        verdict = { comesAgain: true, reason: String(error.message ?? error) };
      }
      if (this.isStopped) return;
      if (!verdict.comesAgain) return this.onState("ENDED", verdict.reason);
      this.onState("RECONNECTING", verdict.reason);
      await this.wait();
    }
  }

  // One connection to its end; says whether to come again, and why it ended.
  async connect() {
    const connection = (this.connection = new AbortController());
    const answer = await fetch("/graphql", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "text/event-stream",
        Authorization: `Bearer ${token()}`,
        ...(this.cursor && { "Last-Event-ID": this.cursor }),
      },
      body: this.body,
      signal: connection.signal,
      cache: "no-store",
    });
    if (!answer.ok) return this.judge(await answer.json());
    this.onState("LIVE");
    for await (const event of eventsOf(answer.body, () => connection.abort())) {
      if (event.event === "complete") return { comesAgain: false, reason: "the hub ended it" };
      if (event.event !== "next") continue;
      const verdict = this.take(event);
      if (verdict) {
        connection.abort();
        return verdict;
      }
    }
    return { comesAgain: true, reason: "the stream broke off" };
  }

  take(event) {
    const answer = JSON.parse(event.data);
    const item = Object.values(answer.data ?? {})[0];
    if (!item) return this.judge(answer);
    this.cursor = event.id || this.cursor;
    this.tries = 0;
    if (item.__typename === "Heartbeat") this.onState(item.state);
    else this.onItem(item);
    return null;
  }

  judge(answer) {
    const said = answer.errors?.[0]?.extensions ?? {};
    if (said.code === "SLOW_CONSUMER") {
      this.cursor = said.cursor ?? this.cursor;
      return { comesAgain: true, reason: said.code };
    }
    const isFromTheState = FROM_THE_STATE.includes(said.code) && this.cursor !== null;
    if (isFromTheState) this.cursor = null;
    return { comesAgain: isFromTheState || Boolean(said.retryable), reason: reasons(answer) };
  }

  // Until the next try; at once when the browser says that it is online again.
  async wait() {
    const [first, longest] = WAIT_MS;
    const wait_ms = Math.min(longest, first * 2 ** this.tries) * (0.5 + Math.random() / 2);
    this.tries = Math.min(this.tries + 1, 10);
    await new Promise((resolve) => {
      this.wake = resolve;
      addEventListener("online", resolve, { once: true });
      setTimeout(resolve, wait_ms);
    });
  }
}

// The events of a body in order: {event, id, data}. `silent` is called where none comes for long.
async function* eventsOf(body, silent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const timer = setTimeout(silent, SILENCE_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return; // what was not ended by an empty line is not an event
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    if (rest.length > EVENT_CHARACTERS_MAX) throw new Error("an event is too long");
    for (const part of parts) yield eventOf(part);
  }
}

function eventOf(text) {
  const event = { event: "message", id: "", data: "" };
  for (const line of text.split("\n")) {
    const [, name, value] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
    if (name) event[name] = value;
  }
  return event;
}
