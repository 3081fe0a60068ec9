"""Jobs: one a library, seen, cancelled, remembered over a crash."""

from __future__ import annotations

import threading

import pytest

from auricle.errors import LibraryError
from auricle.service.jobs import Jobs
from auricle.service.problems import ServiceError


def finished(jobs, job):
    jobs.wait(job, 10**9, 10)
    return jobs.get(job.id)


def test_a_job_runs_reports_and_ends(tmp_path):
    jobs = Jobs(tmp_path / "jobs.db")

    def work(job, report):
        report({"done": 1})
        return {"answer": 42}

    job = finished(jobs, jobs.start("index", "one", work))
    assert (job.state, job.progress, job.result) == ("done", {"done": 1}, {"answer": 42})
    assert job.ended_at


def test_one_at_a_time_for_a_library(tmp_path):
    jobs, gate = Jobs(tmp_path / "jobs.db"), threading.Event()
    first = jobs.start("index", "one", lambda job, report: gate.wait(10) and None)
    with pytest.raises(ServiceError) as refused:
        jobs.start("map", "one", lambda job, report: None)
    assert refused.value.code == "job_running"
    other = jobs.start("index", "two", lambda job, report: None)
    assert finished(jobs, other).state == "done"
    gate.set()
    assert finished(jobs, first).state == "done"
    assert finished(jobs, jobs.start("map", "one", lambda job, report: None)).state == "done"


def test_cancel_is_heard(tmp_path):
    jobs = Jobs(tmp_path / "jobs.db")
    job = jobs.start("index", "one", lambda job, report: {"stopped": job.stop.wait(10)})
    jobs.cancel(job.id)
    assert finished(jobs, job).state == "cancelled"
    assert job.result == {"stopped": True}


@pytest.mark.parametrize("error", [LibraryError("DiskFull", "no room", hint="make some"), ZeroDivisionError("oops")])
def test_a_failure_says_why(tmp_path, error):
    def work(job, report):
        raise error

    jobs = Jobs(tmp_path / "jobs.db")
    job = finished(jobs, jobs.start("index", "one", work))
    assert job.state == "failed"
    assert job.error["code"] in ("DiskFull", "internal")
    assert str(error.args[0]) in job.error["detail"]


def test_what_a_crash_cut_short_is_remembered(tmp_path):
    jobs, gate = Jobs(tmp_path / "jobs.db"), threading.Event()
    running = jobs.start("index", "one", lambda job, report: gate.wait(10) and None)
    ended = finished(jobs, jobs.start("index", "two", lambda job, report: {"n": 1}))
    after = Jobs(tmp_path / "jobs.db")  # as if the process had been killed and started again
    assert after.get(running.id).state == "interrupted"
    assert (after.get(ended.id).state, after.get(ended.id).result) == ("done", {"n": 1})
    assert after.active("one") is None
    gate.set()


def test_a_damaged_record_is_no_obstacle(tmp_path):
    (tmp_path / "jobs.db").write_bytes(b"garbage" * 1000)
    jobs = Jobs(tmp_path / "jobs.db")
    assert finished(jobs, jobs.start("index", "one", lambda job, report: None)).state == "done"
