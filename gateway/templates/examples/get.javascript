{% if key %}
const reply = await fetch({{ url | tojson }}, { headers: { "X-API-Key": "{{ key }}" } });
{% else %}
const reply = await fetch({{ url | tojson }});
{% endif %}
console.log(await reply.{{ "json" if is_json else "text" }}());
