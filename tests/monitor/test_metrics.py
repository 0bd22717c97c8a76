"""What is exported, and that the page, the alert rules and the dashboard speak of nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from lockstep.core.operations.status import LeaseStatus, Reading
from lockstep.procs.monitor.exporter import Exporter
from lockstep.procs.monitor.metrics import METRICS
from tests.monitor.readings import NODE, WELL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "protocols" / "metrics.md"
RULES = ROOT / "lockstep" / "config" / "prometheus" / "lockstep.rules.yml"
SCRAPING = ROOT / "lockstep" / "config" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "lockstep" / "config" / "grafana" / "lockstep.json"
RULE_TESTS = Path(__file__).with_name("rules.test.yml")
OLDEST_MS = 10_000
# Units as Prometheus has them, and the nouns that counts are of. What has none is a state of 0 or 1, or a number.
SUFFIXES = (
    "_seconds",
    "_bytes",
    "_ratio",
    "_records",
    "_total",
    "_info",
    "_slots",
    "_connections",
    "_sessions",
    "_orders",
)
NUMBERS = {
    "lockstep_epoch",
    "lockstep_generation",
    "lockstep_snapshot_sequence",
    "lockstep_state_compared_sequence",
}

Key = tuple[str, tuple[tuple[str, str], ...]]


def parsed(text: bytes) -> dict[Key, float]:
    """Every sample of an exposition, by name and labels; each is there once."""
    samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def exported(reading: Reading | None) -> dict[Key, float]:
    return parsed(Exporter().text(reading, OLDEST_MS))


def value(found: dict[Key, float], name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def test_each_metric_is_exported_with_its_labels_and_nothing_else_is() -> None:
    second = structs.replace(WELL, acked=110, node=NODE, lease=LeaseStatus(1.5, "a", ["a", "b"], ""))
    shown = {(name, tuple(sorted(label for label, _ in labels))) for name, labels in exported(second)}
    assert shown == {(metric.name, tuple(sorted(metric.labels))) for metric in METRICS}
    alone = {name for name, _ in exported(WELL)}
    assert {name for name, _ in shown} - alone == {
        "lockstep_log_acked_records_total",
        "lockstep_link_up",
        "lockstep_primary",
        "lockstep_commit_waits",
        "lockstep_fenced",
        "lockstep_replication_lag_records",
        "lockstep_replication_lag_seconds",
        "lockstep_state_compared_sequence",
        "lockstep_state_differs",
        "lockstep_lease_left_seconds",
    }
    assert value(exported(second), "lockstep_lease_left_seconds") == 1.5


@pytest.mark.parametrize(("link", "up"), [("in_step", 1), ("catching_up", 1), ("alone", 0), ("refused", 0)])
def test_a_link_is_up_while_it_carries_the_log(link: str, up: int) -> None:
    found = exported(structs.replace(WELL, node=structs.replace(NODE, link=link, role="secondary")))
    assert (value(found, "lockstep_link_up"), value(found, "lockstep_primary")) == (up, 0)


def test_what_two_nodes_have_between_them_is_told_as_it_is() -> None:
    found = exported(structs.replace(WELL, node=NODE))
    assert value(found, "lockstep_replication_lag_records") == 2
    assert value(found, "lockstep_replication_lag_seconds") == 1.5
    assert value(found, "lockstep_state_compared_sequence") == 90
    states = [value(found, f"lockstep_{what}") for what in ("commit_waits", "fenced", "state_differs")]
    assert states == [1, 0, 0]
    spoilt = structs.replace(NODE, peer=structs.replace(NODE.peer, name=""), behind_ms=None, compared=0, differs=7)
    found = exported(structs.replace(WELL, node=structs.replace(spoilt, fenced=True)))
    assert not {name for name, _ in found} & {
        "lockstep_replication_lag_records", "lockstep_replication_lag_seconds", "lockstep_state_compared_sequence"
    }  # fmt: skip
    assert value(found, "lockstep_state_differs") == value(found, "lockstep_fenced") == 1


def test_a_secondary_tells_its_positions_once_it_has_read_its_own_journal() -> None:
    exporter = Exporter()

    def end(seq: int, link: str) -> float | None:
        node = structs.replace(NODE, role="secondary", link=link)
        return value(
            parsed(exporter.text(structs.replace(WELL, epoch=0, log_end=seq, node=node), OLDEST_MS)),
            "lockstep_log_records_total",
        )

    assert [end(40, "starting"), end(120, "alone"), end(130, "in_step"), end(5, "starting")] == [None, 120, 130, 130]


def test_names_follow_the_conventions() -> None:
    assert max(Counter(metric.name for metric in METRICS).values()) == 1
    for metric in METRICS:
        assert re.fullmatch(r"lockstep_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        is_state = metric.help.startswith("1 while")
        assert metric.name.endswith(SUFFIXES) or is_state or metric.name in NUMBERS, metric.name


def test_a_reading_is_told_as_it_is() -> None:
    found = exported(WELL)
    assert value(found, "lockstep_venue_info", venue="lockstep") == 1
    assert value(found, "lockstep_ready") == value(found, "lockstep_leader") == value(found, "lockstep_live") == 1
    assert value(found, "lockstep_process_up", process="core") == 1
    assert value(found, "lockstep_process_restarts_total", process="core") == 2
    assert value(found, "lockstep_process_start_time_seconds", process="core") == 10**9
    assert value(found, "lockstep_ring_waiting_records", ring="log", consumer="matcher.1") == 32
    assert value(found, "lockstep_ring_fill_ratio", ring="log") == 0.5
    assert value(found, "lockstep_events_total", ring="events.matcher.1") == 77
    assert value(found, "lockstep_ingress_records_total", ring="ingress.gateway.1") == 55
    assert [value(found, f"lockstep_log_{what}_records_total") for what in ("durable", "committed")] == [119, 118]
    assert value(found, "lockstep_commit_lag_records") == 2
    assert value(found, "lockstep_snapshot_timestamp_seconds") == 1_769_860_800
    by = {
        who: value(found, "lockstep_gateway_refusals_total", gateway="gateway.1", by=who)
        for who in ("gateway", "router", "matcher")
    }
    assert by == {"gateway": 5, "router": 6, "matcher": 7}


def test_a_process_is_up_while_all_its_stages_run() -> None:
    agents = [structs.replace(each, state="dead") if each.name == "matcher.1" else each for each in WELL.agents]
    found = exported(structs.replace(WELL, agents=agents))
    assert value(found, "lockstep_stage_up", stage="router", process="core") == 1
    assert value(found, "lockstep_process_up", process="core") == 0
    assert value(found, "lockstep_ready") == 0


def test_without_a_run_health_is_told_and_nothing_of_a_venue() -> None:
    found = exported(None)
    assert {name for name, _ in found} == {"lockstep_build_info", "lockstep_live", "lockstep_ready", "lockstep_leader"}
    assert value(found, "lockstep_live") == 1
    assert value(found, "lockstep_ready") == value(found, "lockstep_leader") == 0


def test_positions_stand_still_while_a_core_replays_what_it_had_done() -> None:
    exporter = Exporter()
    steps = [  # epoch, end of the log as the board has it, and as it is exported
        (0, 40, None),  # nothing is known before the node leads for the first time
        (3, 120, 120),
        (0, 0, 120),
        (0, 90, 120),
        (4, 121, 121),
        (4, 130, 130),
        (4, 125, 130),  # as if it was set back between two looks at the board
    ]
    for epoch, end, told in steps:
        found = parsed(exporter.text(structs.replace(WELL, epoch=epoch, log_end=end), OLDEST_MS))
        assert value(found, "lockstep_log_records_total") == told, (epoch, end)
    assert value(parsed(exporter.text(None, OLDEST_MS)), "lockstep_log_records_total") is None
    assert (
        value(parsed(exporter.text(structs.replace(WELL, epoch=0, log_end=0), OLDEST_MS)), "lockstep_log_records_total")
        == 130
    )


def test_the_page_lists_exactly_what_is_exported() -> None:
    rows = [f"| `{each.name}` | {each.kind} | {', '.join(each.labels)} | {each.help} |" for each in METRICS]
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `lockstep_")]
    assert listed == rows, "docs/protocols/metrics.md should have:\n" + "\n".join(rows)


def expressions() -> list[str]:
    """What the dashboard asks for."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [variable["query"] for variable in dashboard["templating"]["list"]]
    return asked + [query["query"] for query in variables if isinstance(query, dict)]


def test_rules_and_dashboard_ask_for_exported_metrics_by_labels_that_they_have() -> None:
    labels = {metric.name: metric.labels for metric in METRICS}
    rules = re.findall(r"^\s+expr: (.+)$", RULES.read_text(), re.MULTILINE)
    assert len(rules) == RULES.read_text().count("- alert:") > 0
    named: set[str] = set()
    for expression in [*rules, *expressions()]:
        names = set(re.findall(r"\blockstep_\w+", expression))
        assert names or 'up{job="lockstep"}' in expression, expression
        assert names <= labels.keys(), expression
        grouped = {word for group in re.findall(r"by \(([^)]*)\)", expression) for word in group.split(", ")}
        joined = set(re.findall(r"group_left \((\w+)\)", expression))
        known = {label for name in names for label in labels[name]}
        assert grouped | joined <= known | {"instance", "job"}, expression
        named |= names
    legends = set(re.findall(r"{{\s*(?:\$labels\.)?(\w+)\s*}}", DASHBOARD.read_text()))
    assert legends <= {label for each in METRICS for label in each.labels} | {"instance"}
    # A metric that serves nothing is not worth its export: the rest serves searches, and users' own rules.
    assert len(named) >= 0.6 * len(METRICS)


def test_the_panels_of_the_dashboard_are_whole_and_do_not_overlap() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in taken) < 24
        cells |= taken
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_promtool_accepts_rules_dashboard_and_exposition(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it): nothing else can check PromQL")

    def check(*arguments: str | Path, given: bytes = b"") -> None:
        answer = subprocess.run([promtool, *arguments], input=given, capture_output=True, check=False)
        assert answer.returncode == 0, (answer.stdout + answer.stderr).decode()

    check("check", "config", SCRAPING)
    tests = tmp_path / "rules.test.yml"
    tests.write_text(RULE_TESTS.read_text().replace("RULES", str(RULES)))
    check("test", "rules", tests)
    asked = [each.replace("$__rate_interval", "1m") for each in expressions() if not each.startswith("label_values")]
    recorded = [{"record": f"panel_{number}", "expr": each} for number, each in enumerate(asked)]
    rules = tmp_path / "panels.yml"
    rules.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))  # JSON is YAML
    check("check", "rules", rules)
    check("check", "metrics", given=Exporter().text(structs.replace(WELL, acked=110), OLDEST_MS))
