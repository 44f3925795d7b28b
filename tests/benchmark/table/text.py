"""The document as Markdown: ratios first."""

from __future__ import annotations

NONE = "-"


def write_text(document):
    """All tables of a run."""
    parts = [_describe_machine(document)]
    for network in document["networks"]:
        parts += [
            f"## {network['network']}",
            _describe_limits(network),
            _table(speed_rows(network)),
            "Images/s of this stack over those of the others, and their p99 over ours:",
            _table(advantage_rows(network)),
        ]
        if any(row["open"] for row in network["systems"]):
            parts += [
                "Photos arrive at random, at a share of each system's own peak; "
                "p50, p99 ms:",
                _table(arrival_rows(network)),
            ]
        parts += [
            f"{row['title']} is missing: {row['missing']}"
            for row in network["systems"]
            if row["missing"]
        ]
    return "\n\n".join(parts) + "\n"


def _describe_machine(document):
    machine, plan = document["machine"], document["plan"]
    return (
        f"{machine['processor']}, {machine['cores']} cores, {document['began_at']}, "
        f"{plan['rounds']} interleaved rounds of {plan['seconds']:g} s, "
        f"{document['photos']}; {document['seconds'] / 60:.1f} minutes"
    )


def _describe_limits(network):
    lines = []
    for limit in network["limits"]:
        tried = ", ".join(
            f"{size}: {speed:.0f}" for size, speed in limit_batches(network, limit)
        )
        if not limit["busy"]:
            continue
        lines.append(
            f"- {limit['title']}: {spread(limit['busy']['images_per_second'], 0)} "
            f"images/s in batches of {limit['batch_size']} (tried {tried}), "
            f"{limit['busy']['cpu_ms_per_image']:.1f} ms of processor an image; one "
            f"alone {number(limit['alone']['p50_ms'], 1)} ms; {limit['setup']}"
        )
    return "\n".join(lines)


def limit_batches(network, limit):
    """(batch size, images a second) that were tried, by size."""
    tried = network["batch_sizes"][limit["name"]]
    return sorted(tried.items(), key=lambda each: int(each[0]))


def speed_rows(network):
    """Each system: ratio to limit 1, images a second, latencies; the head first."""
    levels = levels_of(network)
    head = [
        "system",
        *(f"/ limit 1, {each} clients" for each in levels),
        *(f"images/s, {each}" for each in levels),
        *(f"p50, p99 ms, {each}" for each in levels),
        "CPU ms/image",
        "client CPU ms/image",
        "scores differ by",
        "memory MiB",
        "failed",
    ]
    return [head, *(_speed_row(row, levels) for row in present(network))]


def _speed_row(row, levels):
    closed = [row["closed"].get(each) for each in levels]
    busiest = max(filter(None, closed), key=lambda each: each["answers"], default=None)
    return [
        row["title"],
        *(spread(each and each["ratio_to_limit"]) for each in closed),
        *(spread(each and each["images_per_second"], 0) for each in closed),
        *(latencies(each) for each in closed),
        number(busiest and busiest["cpu_ms_per_image"], 1),
        number(busiest and busiest["client_cpu_ms_per_image"], 2),
        f"{row['largest_score_difference']:.0e}",
        number(row["memory_mib"], 0),
        str(sum(each["failed"] for each in filter(None, closed))),
    ]


def advantage_rows(network):
    """Each other system beside ours, at equal numbers of clients."""
    levels = levels_of(network)
    head = [
        "this stack / it",
        *(f"images/s, {each} clients" for each in levels),
        *(f"its p99 / ours, {each}" for each in levels),
    ]
    rows = [head]
    for row in present(network):
        if row["name"] != "ours":
            closed = [row["closed"].get(each) or {} for each in levels]
            rows.append(
                [
                    row["title"],
                    *(spread(each.get("ours_over_it")) for each in closed),
                    *(number(each.get("its_p99_over_ours"), 2) for each in closed),
                ]
            )
    return rows


def arrival_rows(network):
    """Each system with photos that arrive at random."""
    shares = sorted({share for row in network["systems"] for share in row["open"]})
    rows = [["system", *(f"{float(share):.0%} of its peak" for share in shares)]]
    for row in present(network):
        cells = []
        for share in shares:
            figures = row["open"].get(share)
            offered = f" at {figures['offered_per_second']:.0f}/s" if figures else ""
            failed = figures and figures["failed"]
            cells.append(
                latencies(figures) + offered + (f", {failed} failed" if failed else "")
            )
        rows.append([row["title"], *cells])
    return rows


def present(network):
    """The systems that ran."""
    return [row for row in network["systems"] if not row["missing"]]


def levels_of(network):
    """Numbers of clients, as text, fewest first."""
    found = {clients for row in network["systems"] for clients in row["closed"]}
    return sorted(found, key=int)


def spread(figures, digits=2):
    """The median, and in brackets the smallest and the largest."""
    if not figures:
        return NONE
    middle, low, high = (
        f"{figures[key]:.{digits}f}" for key in ("median", "smallest", "largest")
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def latencies(figures):
    """p50 and p99 in milliseconds."""
    if not figures or figures["p50_ms"] is None:
        return NONE
    return f"{figures['p50_ms']:.0f}, {figures['p99_ms']:.0f}"


def number(figure, digits):
    """With so many digits; a dash for None."""
    return NONE if figure is None else f"{figure:.{digits}f}"


def _table(rows):
    head, *others = rows
    lines = [head, ["---"] * len(head), *others]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
