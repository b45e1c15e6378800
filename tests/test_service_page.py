"""The web page in a real Chromium: with the mouse, with keys alone, as a screen reader has it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import open_browser
from PIL import Image
from service_session import Service, start_service, to_png, wait_until
from worker_session import photo

import mattelier

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Download, Page

KEY = "a-key-of-the-tests"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with start_service() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The page, which asks nobody but its server and never trips over itself."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((service.address, "blob:")) else wrong.append(asked.url)
        ),
    )
    opened.goto(service.address)
    yield opened
    context.close()
    assert not wrong


def files(folder: Path, *names: str) -> list[str]:
    paths = [folder / name for name in names]
    for number, path in enumerate(paths):
        path.write_bytes(to_png(np.roll(photo(), 12 * number, 1)))
    return [str(path) for path in paths]


def states(page: Page) -> list[str]:
    return page.locator("#items .state").all_inner_texts()


def wait_for_all(page: Page) -> None:
    ended = {"done", "failed", "please look"}
    wait_until(lambda: states(page) and set(states(page)) <= ended, 60)


def saved(page: Page, click: Callable[[], None]) -> Download:
    with page.expect_download() as waiting:
        click()
    return waiting.value


def pixels(download: Download) -> np.ndarray:
    return np.asarray(Image.open(download.path()))


def test_a_batch_is_cut_out_and_downloaded(page: Page, tmp_path: Path) -> None:
    page.set_input_files("#files", files(tmp_path, "red.png", "other.png"))
    wait_for_all(page)
    assert states(page) == ["done", "done"]
    one = saved(page, lambda: page.click("#download"))
    assert one.suggested_filename == "red-cutout.png"
    np.testing.assert_array_equal(pixels(one), mattelier.cutout(photo()).rgba)
    together = saved(page, lambda: page.click("#download-all"))
    with zipfile.ZipFile(together.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["red-cutout.png", "other-cutout.png"]
        again = np.asarray(Image.open(io.BytesIO(archive.read("red-cutout.png"))))
    np.testing.assert_array_equal(again, pixels(one))


def test_before_and_after(page: Page, tmp_path: Path) -> None:
    page.set_input_files("#files", files(tmp_path, "red.png"))
    wait_for_all(page)

    def shown(x_share: float) -> tuple[int, ...]:
        image = Image.open(io.BytesIO(page.locator("#compare").screenshot())).convert("RGB")
        return image.getpixel((round(image.width * x_share), 8))

    blue = np.array((52, 102, 162))
    page.fill("#slider", "50")
    assert np.abs(np.subtract(shown(0.2), blue)).max() < 30  # before: the ground is there
    assert np.ptp(shown(0.8)) < 30  # after: grey squares
    page.fill("#slider", "0")
    assert np.ptp(shown(0.2)) < 30


def test_backgrounds(page: Page, tmp_path: Path) -> None:
    page.set_input_files("#files", files(tmp_path, "red.png"))
    wait_for_all(page)
    assert page.locator("#format option[value=jpg]").is_disabled()  # without a background

    def corner() -> tuple[int, ...]:
        wait_until(lambda: page.is_enabled("#download"))
        return tuple(pixels(saved(page, lambda: page.click("#download")))[1, 1])

    def choose(value: str) -> None:
        page.check(f"input[name=background][value='{value}']")
        page.wait_for_selector("#busy", state="hidden")

    choose("#ffffff")
    assert corner() == (255, 255, 255)
    choose("colour")
    page.fill("#colour", "#102030")
    page.locator("#colour").dispatch_event("change")
    assert corner() == (16, 32, 48)
    green = tmp_path / "green.png"
    Image.new("RGB", (50, 50), (0, 200, 0)).save(green)
    with page.expect_file_chooser() as chooser:
        page.check("input[value=picture]")
    chooser.value.set_files(str(green))
    assert corner() == (0, 200, 0)


def two_discs() -> np.ndarray:
    y, x = np.mgrid[:240, :400]
    ground = np.full((240, 400, 3), (40, 90, 150), np.uint8)
    for centre in (110, 290):
        ground[np.hypot(y - 120, x - centre) < 60] = (200, 120, 60)
    return ground


def test_a_click_says_which_is_meant(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "two.png"
    file.write_bytes(to_png(two_discs()))
    page.set_input_files("#files", str(file))
    wait_for_all(page)
    page.click("#point")
    veil = page.locator("#veil")
    veil.wait_for(state="visible")
    box = veil.bounding_box()
    assert box is not None

    def click(x: int, y: int, button: str = "left") -> None:
        page.locator("#status").evaluate("node => node.textContent = ''")
        at = {"x": x / 400 * box["width"], "y": y / 240 * box["height"]}
        veil.click(position=at, button=button)
        wait_until(lambda: "chosen" in page.inner_text("#status"))

    assert page.is_disabled("#apply")
    click(110, 120)
    click(290, 120, "right")
    page.click("#apply")
    page.wait_for_selector("#tools")
    wait_until(lambda: page.is_enabled("#download"))
    alpha = pixels(saved(page, lambda: page.click("#download")))[..., 3]
    assert alpha[120, 110] > 240
    assert alpha[120, 290] < 15


def test_keys_alone_do_all(page: Page, tmp_path: Path) -> None:
    """Tab reaches everything in order; the cross is moved and set by keys."""
    page.set_input_files("#files", files(tmp_path, "red.png", "other.png"))
    wait_for_all(page)
    reached = []
    page.locator("body").press("Tab")
    for _ in range(20):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
        page.keyboard.press("Tab")
    wanted = ["more", "download-all", "slider", "point", "background", "format", "download"]
    assert [name for name in reached if name in wanted][: len(wanted)] == wanted
    page.focus("#point")
    page.keyboard.press("Enter")
    page.wait_for_selector("#veil", state="visible")
    wait_until(lambda: page.evaluate("document.activeElement.id") == "veil")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # near the middle, where the disc is
    wait_until(lambda: "chosen" in page.inner_text("#status"))
    page.keyboard.press("z")
    wait_until(lambda: page.inner_text("#status") == "No marks.")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    wait_until(lambda: page.is_enabled("#apply"))
    page.focus("#leave")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "point"


def test_what_a_screen_reader_has(page: Page, tmp_path: Path) -> None:
    """Everything that can be used has a role and a name, and what happens is told."""
    page.set_input_files("#files", files(tmp_path, "red.png", "other.png"))
    wait_for_all(page)
    tree = page.locator("body").aria_snapshot()
    for part in (
        'heading "Mattelier"', 'button "Add pictures"', 'navigation "Pictures"',
        'slider "How much of the picture before is shown"', 'group "Background"',
        'radio "White"', 'combobox "Format"', 'button "Download"', 'img "red.png, cut out"',
    ):  # fmt: skip
        assert part in tree, tree
    assert "done" in page.inner_text("[role=status]")
    nameless = page.locator("button:visible, input:visible, select:visible").evaluate_all(
        "all => all.filter(one => !(one.textContent.trim() || one.getAttribute('aria-label')"
        " || one.labels?.length)).map(one => one.outerHTML)"
    )
    assert not nameless


def test_what_fails_is_told_beside_the_picture(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(to_png(photo())[:900])
    page.set_input_files("#files", [*files(tmp_path, "red.png"), str(broken)])
    wait_for_all(page)
    assert states(page) == ["done", "failed"]
    page.locator("#items button").nth(1).click()
    assert "damaged" in page.inner_text("#note")
    assert page.is_disabled("#download")


def test_a_picture_that_no_browser_shows(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "scan.tif"
    Image.fromarray(photo()).save(file)
    page.set_input_files("#files", str(file))
    wait_for_all(page)
    page.fill("#slider", "100")
    wait_until(lambda: page.locator("#before").evaluate("image => image.naturalWidth") == 128)


def test_dropping_and_pasting(page: Page) -> None:
    bytes_ = list(to_png(photo()))
    script = """([kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, {type: "image/png"}));
        const options = {bubbles: true, cancelable: true};
        dispatchEvent(kind === "drop"
            ? new DragEvent(kind, {...options, dataTransfer: data})
            : new ClipboardEvent(kind, {...options, clipboardData: data}));
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(script, [kind, bytes_])
    wait_for_all(page)
    assert page.locator("#items .label").all_inner_texts() == ["drop.png", "paste.png"]
    assert states(page) == ["done", "done"]


def test_the_page_asks_for_a_key(browser: Browser, tmp_path: Path) -> None:
    with start_service(variables={"MATTELIER_KEYS": KEY}) as service:
        page = browser.new_context().new_page()
        page.goto(service.address)
        page.wait_for_selector("#key-form", state="visible")
        page.fill("#key", KEY)
        page.press("#key", "Enter")
        page.wait_for_selector("#limits:has-text('megapixels')")
        page.set_input_files("#files", files(tmp_path, "red.png"))
        wait_for_all(page)
        assert states(page) == ["done"]
        page.context.close()


def test_the_api_page_lists_every_place(page: Page, service: Service) -> None:
    page.goto(f"{service.address}/api")
    page.wait_for_selector("h2:has-text('/v1/cutout')")
    for place in ("/v1/upscale", "/v1/jobs/bokeh", "/api/remove", "/v1/point/{session}"):
        assert page.locator(f"h2:has-text('{place}')").count()
