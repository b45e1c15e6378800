// The API as a page, made of /openapi.json.

function element(name, text = "", parent = null) {
  const made = document.createElement(name);
  made.textContent = text;
  parent?.append(made);
  return made;
}

function kind(schema) {
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.format === "binary") return "file";
  if (schema.enum) return schema.enum.join(" | ");
  const range = [schema.minimum, schema.maximum].some((one) => one !== undefined)
    ? ` ${schema.minimum ?? ""}…${schema.maximum ?? ""}`
    : "";
  if (schema.type === "array") return `${kind(schema.items || {})}, repeatable`;
  return (schema.examples?.[0] || schema.type || "") + range;
}

function fieldTable(schema, place) {
  const table = element("table", "", place);
  const head = element("tr", "", element("thead", "", table));
  for (const title of ["field", "value", "what it is"]) element("th", title, head).scope = "col";
  const body = element("tbody", "", table);
  for (const [name, field] of Object.entries(schema.properties || {})) {
    const row = element("tr", "", body);
    element("code", name + (schema.required?.includes(name) ? " *" : ""), element("td", "", row));
    element("td", kind(field), row);
    const told = field.default === undefined ? "" : ` Default: ${field.default}.`;
    element("td", (field.description || "") + told, row);
  }
}

const places = document.getElementById("places");
document.getElementById("example").textContent = [
  `curl -F picture=@photo.jpg ${location.origin}/v1/cutout -o subject.png`,
  `curl -F picture=@photo.jpg -F scale=4 ${location.origin}/v1/jobs/upscale`,
  `curl -F file=@photo.jpg ${location.origin}/api/remove -o subject.png`,
].join("\n");
const described = await (await fetch("/openapi.json")).json();
for (const [path, methods] of Object.entries(described.paths)) {
  for (const [method, facts] of Object.entries(methods)) {
    const place = element("section", "", places);
    const title = element("h2", "", place);
    element("code", method.toUpperCase(), title);
    title.append(path);
    element("p", facts.summary || "", place);
    const forms = Object.values(facts.requestBody?.content || {});
    if (forms.length && !path.startsWith("/v1/jobs/")) fieldTable(forms[0].schema, place);
  }
}
