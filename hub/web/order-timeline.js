// One order, opened live: what it is, how its systems are, and its timeline over all of them.
import { follow } from "./event-stream.js";
import { ask, reasons } from "./graphql.js";
import { element, showState, systemOf, timeOf } from "./showing.js";

const ENTRIES_MAX = 300; // shown at once; older ones go
const HEAD_AFTER_MS = 400; // events of one change come together
const FOUND_MAX = 8;
const NARROW = "(max-width: 50rem)"; // one column, as in the style sheet

const ORDER = `query OrderToOpen($number: String, $id: ID) {
  order(number: $number, id: $id) {
    id number status holdReason customer { name } provenance { system }
    shipments { number } cases { number } invoices { number } returns { number }
    sections { name system state code fetchedAt }
  }
}`;
const SEARCH = `query FindOrder($text: String!, $first: Int!) {
  search(text: $text, first: $first) {
    hits { field value node { __typename id ... on Order { number customer { name } } } }
  }
}`;
const TIMELINE = `subscription OrderLive($id: ID!, $after: String) {
  orderTimeline(orderId: $id, after: $after) {
    __typename
    ... on OrderTimelineSnapshot { hasOlder nodes { ...Entry } }
    ... on OrderTimelineEvent { eventId node { ...Entry } }
    ... on StreamGap { reason from to }
    ... on Heartbeat { state }
  }
}
fragment Entry on TimelineEntry {
  id occurredAt system category severity title message isLate change { from to }
}`;

const field = (id) => document.getElementById(id);
let stop = () => {};
let opened = 0; // counts openings: what an earlier one still hears is not shown

// By a number people use, or by {id}. Several orders of one number, and what is found where no
// order has it, are offered.
export async function openOrder(wanted) {
  const turn = ++opened;
  stop();
  field("order").hidden = true;
  field("candidates").replaceChildren();
  field("found").textContent = "asking…";
  try {
    const { body } = await ask(ORDER, wanted);
    if (turn !== opened) return;
    const order = body.data?.order;
    field("found").textContent = order ? "" : reasons(body);
    if (order) showOrder(order);
    else await offer(body, wanted.number, turn);
  } catch (error) {
    field("found").textContent = `the hub does not answer: ${error.message}`;
  }
}

function showOrder(order) {
  showHead(order);
  field("entries").replaceChildren();
  field("notes").replaceChildren();
  field("order").hidden = false;
  stop = follow({
    document: TIMELINE,
    variables: { id: order.id },
    onItem: (item) => take(item, order.id),
    onState: (state, reason) => showState(field("badge"), state, reason),
  });
  if (matchMedia(NARROW).matches) field("order").scrollIntoView();
}

function showHead(order) {
  const about = [order.status, order.holdReason, order.customer?.name].filter(Boolean).join(" · ");
  field("order-title").replaceChildren(`Order ${order.number} `, element("small", "", about));
  field("order-systems").replaceChildren(...systemsOf(order.sections));
}

// Each system once: whether it answered, and how old the oldest part is that was read of it.
function systemsOf(sections) {
  const worst = new Map();
  for (const each of sections) {
    const known = worst.get(each.system);
    const isWorse = !known || (known.state === "AVAILABLE" && each.fetchedAt < known.fetchedAt);
    if (each.system && (isWorse || each.state !== "AVAILABLE")) worst.set(each.system, each);
  }
  return [...worst.values()].map((each) => {
    const says = each.state === "AVAILABLE" && each.fetchedAt
      ? ["read ", timeOf(each.fetchedAt)]
      : [`${each.state} ${each.code ?? ""}`];
    return element("li", each.state === "AVAILABLE" ? "" : "failed", systemOf(each.system), " ", ...says);
  });
}

function take(item, id) {
  if (item.__typename === "OrderTimelineSnapshot") {
    field("entries").replaceChildren(...(item.nodes ?? []).map((entry) => entryOf(entry)));
    if (item.hasOlder) note("Older entries were left out; a query has them.");
  } else if (item.__typename === "StreamGap") {
    note(`Events ${item.from} to ${item.to} are not told (${item.reason}): open the order again.`);
  } else if (item.node) {
    insert(item.node);
    refreshHead(id);
  }
}

const note = (text) => field("notes").append(element("p", "note", text));

function insert(entry) {
  const list = field("entries");
  if (document.getElementById(`entry-${entry.id}`)) return; // told again
  const made = entryOf(entry);
  made.classList.add("new");
  const at = Date.parse(entry.occurredAt);
  const before = [...list.children].find((each) => Number(each.dataset.at) <= at);
  list.insertBefore(made, before ?? null);
  while (list.children.length > ENTRIES_MAX) list.lastElementChild.remove();
  field("spoken").textContent = `${entry.system}: ${entry.title}`;
}

function entryOf(entry) {
  const { from, to } = entry.change ?? {};
  const marks = [entry.severity === "INFO" ? null : entry.severity, entry.isLate ? "LATE" : null];
  const made = element(
    "li",
    "entry",
    element("div", "when", timeOf(entry.occurredAt), systemOf(entry.system)),
    element(
      "div",
      "what",
      element("b", "", entry.title),
      from || to ? element("span", "change", `${from ? `${from} ` : ""}→ ${to ?? "?"}`) : null,
      ...marks.filter(Boolean).map((mark) => element("span", "mark", mark)),
      entry.message && entry.message !== entry.title ? element("p", "", entry.message) : null,
    ),
  );
  made.id = `entry-${entry.id}`;
  made.dataset.at = Date.parse(entry.occurredAt);
  made.dataset.severity = entry.severity;
  return made;
}

let refreshing = null;
function refreshHead(id) {
  clearTimeout(refreshing);
  const turn = opened;
  refreshing = setTimeout(async () => {
    const { body } = await ask(ORDER, { id }).catch(() => ({ body: {} }));
    if (turn === opened && body.data?.order) showHead(body.data.order);
  }, HEAD_AFTER_MS);
}

async function offer(body, text, turn) {
  const several = (body.errors ?? []).flatMap((each) => each.extensions?.candidates ?? []);
  const offered = several.map((each) => [each.id, `${each.system}: ${each.description}`]);
  if (!several.length && body.errors?.[0]?.extensions?.code === "NOT_FOUND") {
    const { body: found } = await ask(SEARCH, { text, first: FOUND_MAX });
    for (const { node } of found.data?.search?.hits ?? []) {
      if (node.__typename === "Order") {
        offered.push([node.id, [node.number, node.customer?.name].filter(Boolean).join(": ")]);
      }
    }
  }
  if (turn !== opened) return;
  if (offered.length && !several.length) {
    field("found").textContent = "No order has this number; it was found in these:";
  }
  field("candidates").replaceChildren(
    ...offered.map(([id, says]) => {
      const button = element("button", "", says);
      button.addEventListener("click", () => openOrder({ id }));
      return element("li", "", button);
    }),
  );
}
