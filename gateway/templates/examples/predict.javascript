// in a browser, the files of an <input type="file" multiple> take readFile's place
import { readFile } from "node:fs/promises";

const body = new FormData();
for (const name of ["photo.jpg", "other.jpg"]) {
  body.append("image", new Blob([await readFile(name)]), name);
}
const reply = await fetch({{ url | tojson }}, {
  method: "POST",
{% if key %}
  headers: { "X-API-Key": "{{ key }}" },
{% endif %}
  body,
});
const { predictions } = await reply.json();
for (const { label, score, error } of predictions) {
  console.log(error ? error.detail : `${label} ${score}`);
}
