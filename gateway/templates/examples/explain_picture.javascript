import { readFile } from "node:fs/promises";

const reply = await fetch({{ (url ~ "?overlay=false") | tojson }}, {
  method: "POST",
  headers: {
    "Content-Type": "image/jpeg",
{% if key %}
    "X-API-Key": "{{ key }}",
{% endif %}
  },
  body: await readFile("photo.jpg"),
});
const { predictions, heatmap } = await reply.json();
console.log(predictions[0].label, `${heatmap.length} x ${heatmap[0].length}`);
