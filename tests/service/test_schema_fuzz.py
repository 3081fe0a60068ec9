"""schemathesis over the whole OpenAPI document: whatever is sent, the answer is no defect and of the type that the document says."""

from __future__ import annotations

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode

from auricle.service.app import create_app
from auricle.service.config import ServiceConfig
from auricle.service.routes import recordings

SETTINGS = settings(
    max_examples=10, deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
ENDLESS = {"/api/v1/jobs/{job_id}/events"}  # streams; tested by themselves


def operations(url):
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path not in ENDLESS:
            yield operation


def test_the_document_lists_every_call(tmp_path):
    paths = set(create_app(ServiceConfig(libraries={"one": tmp_path / "one"})).api.openapi()["paths"])
    assert {"/api/v1/search", "/api/v1/recordings/{recording_id}/audio", "/v1/embeddings", "/metrics"} <= paths
    assert len(paths) > 30


def test_no_answer_is_a_defect(server, monkeypatch):
    monkeypatch.setattr(recordings, "reveal_command", lambda path, platform: ["true"])
    asked = {}
    for operation in operations(server.url):
        statuses = asked.setdefault(operation.label, set())
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                ask = SETTINGS(hypothesis.given(case=strategy)(_asking(server, statuses)))
                ask()
            except (hypothesis.errors.Unsatisfiable, schemathesis.errors.InvalidSchema):
                assert mode is GenerationMode.NEGATIVE, operation.label  # there is no wrong way to ask
    assert len(asked) > 35
    assert all(statuses for label, statuses in asked.items()), asked
    assert any(200 in statuses for statuses in asked.values())


def _asking(server, statuses):
    def ask(case):
        try:
            answer = case.call(base_url=server.url, timeout=30)
        except requests.ConnectionError:  # the server hangs up on a head of more than 64 kB, before anyone reads it
            assert len(case.as_transport_kwargs(base_url=server.url)["url"]) + len(str(case.query)) > 30_000, case
            return
        statuses.add(answer.status_code)
        # 501, 503 and 507 are answers: no file manager here, a model that is missing, a full disk.
        assert answer.status_code not in (500, 502, 504), (case.method, case.path, answer.content[:500])
        kind = (answer.headers.get("content-type") or [""])[0]
        if answer.status_code >= 400 and not case.path.startswith("/health"):
            assert kind == "application/problem+json", (answer.status_code, kind, answer.content[:300])
            assert answer.json()["status"] == answer.status_code

    return ask
