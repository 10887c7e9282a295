// The orders that move, newest first: each can be opened.
import { follow } from "./event-stream.js";
import { token } from "./graphql.js";
import { element, showState, systemOf, timeOf } from "./showing.js";

const SHOWN_MAX = 8; // orders
const STATUSES = `subscription OrdersThatMove($after: String) {
  orderStatusChanged(filter: {}, after: $after) {
    __typename
    ... on OrderStatusEvent {
      recordedAt source { system } changes { from to } node { id number }
    }
    ... on StreamGap { reason }
    ... on Heartbeat { state }
  }
}`;

const list = document.getElementById("moving");
let stop = () => {};
let followedWith = "";

// Follows with the token that stands in its field; ends where there is none, or nobody looks.
export function followMoving(open) {
  const isWanted = token() !== "" && document.visibilityState === "visible";
  const wanted = isWanted ? token() : "";
  if (wanted === followedWith) return;
  followedWith = wanted;
  stop();
  stop = () => {};
  if (!isWanted) return;
  stop = follow({
    document: STATUSES,
    variables: {},
    onItem: (item) => item.node && show(item, open),
    onState: (state, reason) => showState(document.getElementById("moving-badge"), state, reason),
  });
}

function show(event, open) {
  const { id, number } = event.node;
  const to = event.changes.map((each) => each.to).filter(Boolean).join(", ");
  const button = element("button", "order", element("b", "", number), element("span", "", to));
  button.append(systemOf(event.source.system), timeOf(event.recordedAt));
  button.addEventListener("click", () => open({ id }));
  const row = element("li", "", button);
  row.dataset.order = id;
  [...list.children].find((each) => each.dataset.order === id)?.remove();
  list.prepend(row);
  while (list.children.length > SHOWN_MAX) list.lastElementChild.remove();
}
