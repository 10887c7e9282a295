// The first screen: sends what is in the form to /graphql and shows the answer as it came.
// An order of the demo systems, so that the first Run answers there; elsewhere it is not found.
const DEMO_ORDER = "100002";

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

async function ask() {
  const started = performance.now();
  field("took").textContent = "asking…";
  try {
    const answer = await fetch("/graphql", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json",
        Authorization: `Bearer ${field("token").value.trim()}`,
      },
      body: JSON.stringify({
        query: field("document").value,
        variables: JSON.parse(field("variables").value || "{}"),
      }),
    });
    const body = await answer.json();
    field("answer").textContent = JSON.stringify(body, null, 2);
    field("took").textContent = `${answer.status} in ${Math.round(performance.now() - started)} ms`;
  } catch (error) {
    field("answer").textContent = String(error);
    field("took").textContent = "not answered";
  }
}

for (const [index, example] of EXAMPLES.entries()) {
  field("example").add(new Option(example.title, String(index)));
}
field("example").addEventListener("change", (event) => choose(Number(event.target.value)));
field("run").addEventListener("click", ask);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
});
choose(0);
