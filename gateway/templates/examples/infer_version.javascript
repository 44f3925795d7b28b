{% include "examples/infer.javascript" %}
