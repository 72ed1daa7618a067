"""Azure's side of the demo concludes what it must, through the real SDK."""

import time
from pathlib import Path

from simulation.demo.azure_courses import COURSES, azure_verdicts


def test_every_course_leads_to_its_alerts_and_no_others(tmp_path: Path) -> None:
    """In mid-rotation, stuck, failed after one, stopped, a tag and nodes that disagree, a right that is missing."""
    verdicts = azure_verdicts(tmp_path, time.time())
    assert [verdict.course.name for verdict in verdicts] == [course.name for course in COURSES]
    assert {verdict.course.name: verdict.alerts for verdict in verdicts if not verdict.right} == {}
    assert all(finding.next for verdict in verdicts for finding in verdict.findings)


def test_the_courses_name_what_a_reader_must_see() -> None:
    """Each of the states that have an alert of their own is there."""
    assert {course.name for course in COURSES} >= {"rotating", "stuck", "failed", "stopped", "tag-and-nodes-disagree"}
