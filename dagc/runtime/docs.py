"""The page at `/docs`: shows the service's OpenAPI document and tries requests, with nothing from elsewhere.

Everything it shows of the document is set as text, never as markup; its own policy forbids all other sources.
"""

PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>service</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { font-size: 1.1rem; margin: 2rem 0 .3rem } code, pre, textarea { font: 13px/1.4 ui-monospace, monospace }
pre, textarea { box-sizing: border-box; width: 100%; background: #f5f5f2; border: 1px solid #ccc; padding: .6rem }
pre { overflow: auto; max-height: 24rem; white-space: pre-wrap } textarea { min-height: 9rem }
button { padding: .3rem 1rem; margin: .4rem 0 } summary { cursor: pointer; color: #555 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd }
  pre, textarea { background: #242424; color: #ddd; border-color: #444 } summary { color: #aaa } }
</style>
<h1 id="title">...</h1><p id="about"></p><main id="main"></main>
<script>
const make = (tag, text, into) => {
  const made = document.createElement(tag); made.textContent = text; into.append(made); return made;
};
const follow = (doc, schema) => {
  for (let hops = 0; schema && schema.$ref && hops < 9; hops++)
    schema = schema.$ref.slice(2).split("/").reduce((at, key) => at && at[key], doc);
  return schema || {};
};
const sample = (doc, given, depth = 0) => {
  const schema = follow(doc, given);
  if (depth > 6) return null;
  if (schema.examples && schema.examples.length) return schema.examples[0];
  for (const key of ["example", "default", "const"]) if (key in schema) return schema[key];
  if (schema.enum) return schema.enum[0];
  const some = schema.anyOf || schema.oneOf || schema.allOf;
  if (some) return sample(doc, some[0], depth + 1);
  if (schema.type === "object" || schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties || {}).map(([name, inner]) => [name, sample(doc, inner, depth + 1)]));
  if (schema.type === "array")
    return Array.from({ length: Math.min(schema.minItems ?? 1, 64) }, () => sample(doc, schema.items, depth + 1));
  if (schema.type === "string") return "x".repeat(schema.minLength ?? 0);
  if (schema.type === "boolean") return false;
  if (schema.type === "null") return null;
  return schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : 0);
};
const show = (doc, path, operation, into) => {
  make("h2", "POST " + path, into); make("p", operation.summary || "", into);
  const media = ((operation.requestBody || {}).content || {})["application/json"] || {};
  const body = make("textarea", JSON.stringify(media.example ?? sample(doc, media.schema), null, 2), into);
  body.setAttribute("aria-label", "request body");
  const send = make("button", "Send", into), answer = make("pre", "", into);
  answer.hidden = true;
  send.onclick = async () => {
    answer.hidden = false; answer.textContent = "...";
    try {
      const headers = { "content-type": "application/json" };
      const got = await fetch(path, { method: "POST", headers, body: body.value });
      const text = await got.text();
      let pretty = text;
      try { pretty = JSON.stringify(JSON.parse(text), null, 2); } catch { }
      answer.textContent = got.status + " " + got.statusText + "\\n" + pretty;
    } catch (error) { answer.textContent = String(error); }
  };
  const more = make("details", "", into);
  make("summary", "schema", more); make("pre", JSON.stringify(operation, null, 2), more);
};
fetch("openapi.json").then(got => got.json()).then(doc => {
  const main = document.getElementById("main"), info = doc.info || {};
  document.title = info.title || "service";
  document.getElementById("title").textContent = (info.title || "service") + " " + (info.version || "");
  document.getElementById("about").textContent = info.description || "";
  for (const [path, methods] of Object.entries(doc.paths || {}))
    if (methods.post) show(doc, path, methods.post, main);
  const more = make("details", "", main);
  make("summary", "components", more); make("pre", JSON.stringify(doc.components || {}, null, 2), more);
});
</script></html>
"""

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
)
