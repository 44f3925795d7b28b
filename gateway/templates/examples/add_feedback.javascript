const correction = { request_id: "8fe1b2c4", index: 0, label: "pizza" };
const reply = await fetch({{ url | tojson }}, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
{% if key %}
    "X-API-Key": "{{ key }}",
{% endif %}
  },
  body: JSON.stringify(correction),
});
console.log(await reply.json());
