"""The cause named first: for cases written here, and for real statuses, events and logs."""

import re
from pathlib import Path
from typing import Any

import pytest
from diagnosis_cases.reader import cases, facts_of_case, facts_of_file

from mtop_tui.domain.diagnosis.causes import RULES
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Finding
from mtop_tui.domain.diagnosis.ranking import CAUSES, EXPLAINS, WHY_WIDTH, diagnose, why_line

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared/data/serving"
PAGE = (ROOT / "docs/diagnosis.md").read_text()
CASES = cases()
READ_ONLY = {"get", "describe", "logs", "top"}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """The table under a heading: first column, then the cells after it, without code marks."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = {}
    for line in section.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            table[cells[0]] = (cells[1], cells[2].replace("\\|", "|"))
    return table


REAL_TABLE = rows("Real files")
CAUSES_TABLE = rows("Causes")


def everything(findings: tuple[Finding, ...]) -> list[Finding]:
    return [one for finding in findings for one in (finding, *finding.symptoms)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_first_cause_and_what_it_explains(case: dict[str, Any]) -> None:
    findings = diagnose(facts_of_case(case))
    assert (findings[0].id if findings else None) == case["top"]
    if "symptoms" in case:
        assert [one.id for one in findings[0].symptoms] == case["symptoms"]
    if "why" in case:
        assert why_line(findings) == case["why"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_what_is_said_is_complete_and_only_reads(case: dict[str, Any]) -> None:
    findings = diagnose(facts_of_case(case))
    for one in everything(findings):
        assert one.evidence
        for text in (one.sentence, one.short, one.next_step, *(e.value for e in one.evidence)):
            assert text
            assert "\n" not in text
            assert "nan" not in text.split()
            assert "None" not in text
        commands = re.findall(r"kubectl (?:-n \S+ )?(\w+)", one.next_step)
        assert set(commands) <= READ_ONLY
    assert len(why_line(findings)) <= WHY_WIDTH


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_only_what_lies_deeper_explains(case: dict[str, Any]) -> None:
    for finding in diagnose(facts_of_case(case)):
        assert all(finding.depth >= symptom.depth for symptom in finding.symptoms)


def test_case_ids_are_unique_so_that_each_is_seen() -> None:
    ids = [case["id"] for case in CASES]
    assert len(ids) == len(set(ids))


def test_every_cause_is_in_the_documentation_and_in_a_case() -> None:
    said = {one.id for case in CASES for one in everything(diagnose(facts_of_case(case)))}
    assert set(CAUSES_TABLE) == said == CAUSES
    assert set(EXPLAINS) | {one for many in EXPLAINS.values() for one in many} <= said


def test_documented_severities_are_those_of_the_findings() -> None:
    for case in CASES:
        for one in everything(diagnose(facts_of_case(case))):
            assert one.severity in CAUSES_TABLE[one.id][0].split(" or ")


def test_a_service_of_which_nothing_is_known_has_no_finding() -> None:
    assert diagnose(ServiceFacts(name="svc", namespace="default", now=0.0)) == ()
    assert why_line(()) == ""


def test_every_rule_says_what_it_looks_for() -> None:
    assert all(rule.__doc__ for rule in RULES)
    assert len(set(RULES)) == len(RULES)


def real_files() -> list[str]:
    """All files of the folders a diagnosis can read; the objects of one folder belong together."""
    found = []
    for folder in ("status", "status/inferenceservice", "events", "kube-objects", "gpu", "logs"):
        found += [path for path in (REAL / folder).iterdir() if path.is_file()]
    found += list((REAL / "rollout").iterdir())
    return [str(path.relative_to(REAL)) for path in sorted(found)]


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/serving")
def test_every_real_file_is_in_the_documentation() -> None:
    assert sorted(REAL_TABLE) == sorted(real_files())


@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/serving")
@pytest.mark.parametrize("name", sorted(REAL_TABLE))
def test_the_cause_named_for_a_real_file(name: str) -> None:
    expected, said = REAL_TABLE[name]
    findings = diagnose(facts_of_file(REAL / name))
    assert (findings[0].id if findings else "none") == expected
    assert (why_line(findings) or "nothing") == said
