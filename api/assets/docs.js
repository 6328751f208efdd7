// Renders /openapi.json as text nodes only: nothing in the document can become markup.
const METHODS = ["get", "post", "put", "patch", "delete"];
const target = document.querySelector("#operations");
const filter = document.querySelector("#filter");

/** An element with a class and children; strings become text. */
function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function section(title, value) {
  return [element("h3", "", title), element("pre", "", JSON.stringify(value, null, 2))];
}

function contentSchema(holder) {
  return Object.values(holder?.content ?? {})[0]?.schema;
}

function describe(operation) {
  const parts = [
    element(
      "p",
      "",
      operation.security.length > 0 ? `Needs a token (${operation["x-action"]}).` : "Open to all.",
    ),
  ];
  for (const { name, in: place, required, schema } of operation.parameters ?? []) {
    parts.push(...section(`${name} (${place}${required ? ", required" : ""})`, schema));
  }
  const body = contentSchema(operation.requestBody);
  if (body) parts.push(...section("Body", body));
  for (const [status, reply] of Object.entries(operation.responses)) {
    if (status === "default") continue;
    const schema = contentSchema(reply);
    parts.push(element("h3", "", `${status}: ${reply.description}`));
    if (schema) parts.push(element("pre", "", JSON.stringify(schema, null, 2)));
  }
  return element("div", "body", ...parts);
}

function card({ method, path, operation }) {
  const summary = element(
    "summary",
    "",
    element("span", "method", method.toUpperCase()),
    element("span", "path", path),
    element("span", "text", operation.summary),
  );
  const details = element("details", "", summary);
  // Schemas are long: they are written when somebody looks.
  details.addEventListener("toggle", () => details.append(describe(operation)), { once: true });
  return details;
}

function operationsOf(openApi) {
  return Object.entries(openApi.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })),
  );
}

function show(operations) {
  const wanted = filter.value.trim().toLowerCase();
  const found = operations.filter(({ method, path, operation }) =>
    `${method} ${path} ${operation.summary} ${operation.tags}`.toLowerCase().includes(wanted),
  );
  const groups = Map.groupBy(found, ({ operation }) => operation.tags[0]);
  target.replaceChildren(
    ...[...groups].map(([tag, members]) =>
      element("section", "", element("h2", "", tag), ...members.map(card)),
    ),
  );
  if (found.length === 0) target.replaceChildren(element("p", "", "No call has this in its name."));
}

try {
  const response = await fetch("/openapi.json");
  const operations = operationsOf(await response.json());
  filter.addEventListener("input", () => show(operations));
  show(operations);
} catch {
  target.replaceChildren(element("p", "", "The document could not be loaded; is the server up?"));
}
