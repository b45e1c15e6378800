"""Every task of the registry is everywhere: in commands, in Python, in the worker, in sequences."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image
from run_task import MODELS

import mattelier
from mattelier.batch.outputs import expand
from mattelier.catalogue import Store
from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.commands.main import cli, main
from mattelier.requests import EffectRequest, FramesRequest, from_json, to_json
from mattelier.tasks.registry import TASKS, TaskSpec
from mattelier.tasks.task import Task
from mattelier.worker.jobs import jobs

every_task = pytest.mark.parametrize("spec", TASKS.values(), ids=TASKS)


@every_task
def test_it_has_its_command(spec: TaskSpec, capsys: pytest.CaptureFixture[str]) -> None:
    assert spec.name in cli.list_commands(click.Context(cli))
    assert main([spec.name, "--help"]) == 0
    assert f"mattelier {spec.name}" in capsys.readouterr().out


@every_task
def test_it_has_its_function(spec: TaskSpec) -> None:
    assert spec.name in mattelier.__all__
    assert callable(getattr(mattelier, spec.name))


@every_task
def test_the_worker_does_it(spec: TaskSpec) -> None:
    job = jobs(list)[spec.name]
    assert job.channels["picture"] == (3, 4)
    for one in spec.inputs:
        assert (one.name in job.channels) == one.travels
        assert (one.name in job.required) == one.required


@every_task
def test_it_runs_on_sequences_or_says_why_not(spec: TaskSpec) -> None:
    assert spec.on_frames == issubclass(spec.request, EffectRequest)
    if spec.on_frames:
        request = from_json(
            FramesRequest, {"plate": "a.####.png", "output": "b", "task": spec.name, "options": {}}
        )
        assert isinstance(request.options, spec.request)
    else:
        assert len(spec.sequences.split()) > 4


@every_task
def test_its_request_travels_and_its_inputs_are_fields(spec: TaskSpec) -> None:
    request = spec.request()
    assert from_json(spec.request, json.loads(json.dumps(to_json(request)))) == request
    for one in spec.inputs:
        value = request
        for part in one.field.split("."):
            value = getattr(value, part)
        assert value is None


@every_task
def test_it_has_networks_of_its_kind_or_needs_none(spec: TaskSpec) -> None:
    store = Store()
    brought = {task for task, row in TASK_MODELS.items() if not row.names}  # by the user
    tasks_of_cards = {store.card(name).task for name in store.names()} | brought
    assert not spec.networks or spec.networks in tasks_of_cards


@every_task
def test_it_is_loaded_once_and_keeps_nothing(spec: TaskSpec) -> None:
    task = spec.load()
    assert isinstance(task, Task)
    assert task is spec.load()
    assert not vars(task)


@every_task
def test_results_of_earlier_runs_are_passed_over(spec: TaskSpec, tmp_path: Path) -> None:
    for name in ("a.jpg", f"a-{spec.name}.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    sources, missing, earlier = expand([str(tmp_path)], {".jpg", ".png"})
    assert [source.path.name for source in sources] == ["a.jpg"]
    assert [source.path.name for source in earlier] == [f"a-{spec.name}.png"]
    assert not missing


def test_a_second_run_of_a_folder_makes_nothing_of_its_own_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8)).save(
        tmp_path / "a.png"
    )
    assert main(["enhance", str(tmp_path), "--auto"]) == 0
    assert main(["enhance", str(tmp_path), "--auto", "--overwrite"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-enhance.png", "a.png"]
    assert "Passed over 1 earlier result" in capsys.readouterr().err


def test_python_opens_a_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from mattelier.engines import model_cache

    opened = []

    def count(source, *arguments, **options):
        opened.append(source.name)
        return open_model(source, *arguments, **options)

    open_model = model_cache.open_model
    monkeypatch.setattr(model_cache, "open_model", count)
    monkeypatch.setattr("mattelier.api_arguments._models", lambda store: cache)
    cache = model_cache.ModelCache()
    picture = np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8)
    for _ in range(3):
        mattelier.bokeh(picture, depth_model="matte", radius=3)
        mattelier.depth(picture, depth_model="matte")
        mattelier.matte(picture)
    assert opened == ["cutout"]


def test_lens_blur_looks_for_models_where_it_is_told(tmp_path: Path) -> None:
    """The store of the cache is the one that is used, for every network that a task needs."""
    store = replace(Store(), shipped=tmp_path)
    from mattelier.engines.model_cache import ModelCache
    from mattelier.requests import BokehRequest, DepthRequest
    from mattelier.tasks.registry import run
    from mattelier.types.errors import ModelError
    from mattelier.types.picture import Picture

    request = BokehRequest(DepthRequest(model="matte"), radius=3)
    picture = Picture(np.full((32, 32, 3), 90, np.uint8))
    assert run(request, picture, MODELS).picture is not None
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        run(request, picture, ModelCache(store))
