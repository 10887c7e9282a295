// Asks the hub. The token stays in its field: it is in no address and is not stored.
const tokenField = document.getElementById("token");

export const token = () => tokenField.value.trim();

// {status, body}; throws where the hub does not answer.
export async function ask(query, variables = {}) {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json",
      Authorization: `Bearer ${token()}`,
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: answer.status, body: await answer.json() };
}

// What an answer says went wrong, as one line; empty where nothing did.
export const reasons = (body) =>
  (body.errors ?? []).map((each) => `${each.extensions?.code}: ${each.message}`).join("; ");
