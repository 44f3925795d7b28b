import { readFile } from "node:fs/promises";

const picture = await readFile("photo.jpg", "base64");
const tensor = { name: "image", datatype: "BYTES", shape: [1], data: [picture] };
const reply = await fetch({{ url | tojson }}, {
  method: "POST",
{% if key %}
  headers: { "X-API-Key": "{{ key }}" },
{% endif %}
  body: JSON.stringify({ inputs: [tensor] }),
});
for (const { name, data } of (await reply.json()).outputs) console.log(name, data);
