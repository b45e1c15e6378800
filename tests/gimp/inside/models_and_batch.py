"""Models and Batch, as scripts call them."""

import shutil

from stage import MODES, Gimp, Gio, call, done, refused, state, values


def case_models_are_listed(here):
    (text,) = done("models")
    lines = text.splitlines()
    assert any(line.startswith("cutout · Cutting out") and "Here" in line for line in lines), text
    assert any("Not fetched" in line for line in lines), text


def case_all_open_images_get_what_was_done_last(here):
    one, other = here.photo(), here.photo("large")
    for image in Gimp.get_images():
        if image not in (one, other):
            image.delete()
    import stage

    stage._loaded.clear()
    (text,) = done("batch", task="remove-background", where="images")
    assert text.startswith("2 done, 0 failed"), text
    for image in (one, other):
        (layer,) = image.get_layers()
        assert 0 < sum(values(layer.get_mask())) < 255 * layer.get_width() * layer.get_height()


def case_a_folder_is_worked_through_and_nothing_is_overwritten(here):
    source, target = here.out / "batch-in", here.out / "batch-out"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    shutil.copy(here.out / "photo.png", source / "one.png")
    shutil.copy(here.out / "photo.png", source / "two.png")
    (source / "broken.png").write_bytes(b"no picture")
    (source / "notes.txt").write_text("no picture either")
    (target / "one.png").write_bytes(b"mine")
    folders = {
        "folder": Gio.File.new_for_path(str(source)),
        "output": Gio.File.new_for_path(str(target)),
    }
    images = Gimp.get_images()
    (text,) = done("batch", task="remove-background", where="folder", **folders)
    assert text.startswith("2 done, 1 failed"), text
    assert "broken.png" in text
    assert (target / "one.png").read_bytes() == b"mine"
    assert sorted(path.name for path in target.iterdir()) == ["one-2.png", "one.png", "two.png"]
    assert set(Gimp.get_images()) == set(images), "images stay behind"
    result = Gimp.file_load(
        MODES.NONINTERACTIVE, Gio.File.new_for_path(str(target / "two.png"))
    )  # fmt: skip
    (layer,) = result.get_layers()
    assert layer.has_alpha(), "the background is still there"
    assert sorted(path.name for path in source.iterdir()) == [
        "broken.png", "notes.txt", "one.png", "two.png"
    ]  # fmt: skip


def case_what_a_batch_lacks_is_said(here):
    assert "Choose the folder" in refused("batch", where="folder")
    empty = here.out / "batch-empty"
    empty.mkdir(exist_ok=True)
    folder = Gio.File.new_for_path(str(empty))
    assert "no picture" in refused("batch", where="folder", folder=folder, output=folder)


def case_a_model_that_comes_along_stays(here):
    from stage import worker, worker_client

    with worker() as connection:
        said = ""
        try:
            connection.run("models", {"action": "remove", "name": "cutout"})
        except worker_client().WorkerError as error:
            said = str(error)
        assert "comes with Mattelier" in said
        assert connection.run("models", {}).report["models"]
    image = here.photo()
    before = state(image)
    assert call("remove-background", image).ok
    assert state(image) != before
