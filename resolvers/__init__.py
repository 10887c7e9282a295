"""GraphQL: types, batch resolvers, the endpoint and the breadth-first executor."""
