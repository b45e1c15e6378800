"""The container's files: what they start exists, and nothing has more rights than it needs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from mattelier.commands.main import LazyGroup

yaml = pytest.importorskip("yaml", reason="needs PyYAML")

CONTAINER = Path(__file__).resolve().parents[1] / "install" / "container"
OBJECTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((CONTAINER / "kubernetes.yaml").read_text("utf-8"))
)
SETS = [one for one in OBJECTS if one["kind"] in ("Deployment", "StatefulSet")]
NAMES = [one["metadata"]["name"] for one in SETS]


def pod(one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = one["spec"]["template"]["spec"]
    return found


def containers(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod(one).get("initContainers", []), *pod(one)["containers"]]


def command_lines() -> Iterator[list[str]]:
    """What is run of ours, in all files."""
    for one in SETS:
        for container in containers(one):
            if container["image"].startswith("mattelier"):
                yield [*container["command"], *container.get("args", [])]
    containerfile = (CONTAINER / "Containerfile").read_text("utf-8")
    yield json.loads(re.search(r"^ENTRYPOINT (.+)$", containerfile, re.MULTILINE)[1])


@pytest.mark.parametrize("line", list(command_lines()), ids=shlex.join)
def test_commands_and_flags_exist(line: list[str]) -> None:
    program, name, *flags = line
    assert program == "mattelier"
    group = LazyGroup("mattelier")
    command = group.get_command(click.Context(group), name)
    assert command is not None
    command.make_context(name, list(flags))  # refuses what it does not know
    assert flags


def test_server_and_workers_name_the_same_places() -> None:
    lines = list(command_lines())[:2]
    places = [{flag for flag in line if flag.startswith(("--broker", "--store"))} for line in lines]
    assert len(places[0]) == 2
    assert places[0] == places[1]
    hosts = {re.search(r"redis://([\w-]+)", str(places))[1]}
    for one in SETS[:2]:
        variables = {each["name"]: each for each in containers(one)[0]["env"]}
        hosts.add(re.search("//([^:]+)", variables["AWS_ENDPOINT_URL"]["value"])[1])
        assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= variables.keys()
    assert hosts <= {one["metadata"]["name"] for one in OBJECTS if one["kind"] == "Service"}


@pytest.mark.parametrize("one", SETS, ids=NAMES)
def test_nothing_runs_as_root_without_limits_or_probes(one: dict[str, Any]) -> None:
    assert pod(one)["automountServiceAccountToken"] is False
    assert pod(one)["securityContext"]["runAsNonRoot"] is True
    assert pod(one)["securityContext"]["runAsUser"] > 0
    for container in containers(one):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    for container in pod(one)["containers"]:
        assert container["livenessProbe"]
        assert container.get("readinessProbe") or "serve-worker" in container["command"]


@pytest.mark.parametrize("one", SETS, ids=NAMES)
def test_names_lead_somewhere(one: dict[str, Any]) -> None:
    labels = one["spec"]["template"]["metadata"]["labels"]
    assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()
    volumes = {each["name"] for each in pod(one).get("volumes", [])}
    volumes |= {each["metadata"]["name"] for each in one["spec"].get("volumeClaimTemplates", [])}
    ports = {each["name"] for item in containers(one) for each in item.get("ports", [])}
    for container in containers(one):
        assert {each["name"] for each in container.get("volumeMounts", [])} <= volumes
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind, {})
            port = {**probe.get("httpGet", {}), **probe.get("tcpSocket", {})}.get("port")
            assert port is None or port in ports
    for service in (each for each in OBJECTS if each["kind"] == "Service"):
        if service["spec"]["selector"].items() <= labels.items():
            assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports


def test_the_extras_that_are_built_exist() -> None:
    import tomllib

    project = tomllib.loads((CONTAINER.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    told = "".join(path.read_text("utf-8") for path in CONTAINER.iterdir())
    named = {name for found in re.findall(r"EXTRAS=([\w,]+)", told) for name in found.split(",")}
    assert {"serve", "queue"} <= named <= project["optional-dependencies"].keys()
