// The first screen: an order opened live, and any question with its answer as it came.
import { ask } from "./graphql.js";
import { followMoving } from "./moving-orders.js";
import { openOrder } from "./order-timeline.js";

// An order of the demo systems, so that the first Run answers there; elsewhere it is not found.
const DEMO_ORDER = "100002";

const TYPED_MS = 300; // after the last letter of a token

const EXAMPLES = [
  {
    title: "An order over every system",
    variables: { number: DEMO_ORDER },
    document: `query OrderDesk($number: String!) {
  order(number: $number) {
    number status placedAt total { amount currency }
    customer { number name }
    lines { lineNumber sku ordered { value uom } status }
    shipments { number status carrier trackingNumber milestones { code occurredAt location } }
    returns { number status lines { sku reason requested { value } } }
    cases { number subject status }
    timeline(first: 20) { nodes { occurredAt system title } }
    sections { name system state staleness code }
  }
}`,
  },
  {
    title: "How the connected systems are",
    variables: {},
    document: `{
  systems { name role kind state code }
}`,
  },
  {
    title: "Search by any number or name",
    variables: { text: DEMO_ORDER },
    document: `query Find($text: String!) {
  search(text: $text, first: 10) { hits { field value node { __typename id } } }
}`,
  },
];

const field = (id) => document.getElementById(id);

function choose(index) {
  field("document").value = EXAMPLES[index].document;
  field("variables").value = JSON.stringify(EXAMPLES[index].variables, null, 2);
}

async function run() {
  const started = performance.now();
  field("took").textContent = "asking…";
  try {
    const variables = JSON.parse(field("variables").value || "{}");
    const { status, body } = await ask(field("document").value, variables);
    field("answer").textContent = JSON.stringify(body, null, 2);
    field("took").textContent = `${status} in ${Math.round(performance.now() - started)} ms`;
  } catch (error) {
    field("answer").textContent = String(error);
    field("took").textContent = "not answered";
  }
}

// Which of the two is shown stands in the address; the token never does.
function showTab() {
  const shown = location.hash === "#ask" ? "ask" : "watch";
  for (const name of ["watch", "ask"]) {
    field(name).hidden = name !== shown;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

for (const [index, example] of EXAMPLES.entries()) {
  field("example").add(new Option(example.title, String(index)));
}
field("example").addEventListener("change", (event) => choose(Number(event.target.value)));
field("run").addEventListener("click", run);
document.addEventListener("keydown", (event) => {
  const isSent = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (isSent && !field("ask").hidden) run();
});
field("open").addEventListener("submit", (event) => {
  event.preventDefault();
  openOrder({ number: field("number").value.trim() });
});
let following = null;
field("token").addEventListener("input", () => {
  clearTimeout(following);
  following = setTimeout(() => followMoving(openOrder), TYPED_MS);
});
document.addEventListener("visibilitychange", () => followMoving(openOrder));
addEventListener("hashchange", showTab);
field("number").value = DEMO_ORDER;
choose(0);
showTab();
followMoving(openOrder);
