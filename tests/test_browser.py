"""The pages in a real browser: their layout, their contrast, without JavaScript, under a strict CSP.

Screenshots of all that is looked at are in `.pytest_cache/d/screenshots/`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from .conftest import Bake
from .projects import Project
from .servers import new_database
from .test_first_steps import served

WIDTHS = (320, 375, 1280)
PAGES = {
    "landing": "/",
    "notes": "/notes/",
    "notes-2": "/notes/?page=2",
    "delete": "/notes/3/delete",
    "missing": "/nowhere",
}
NOTES = [
    "Bring the seed catalogue to the allotment",
    "Call the plumber about the kitchen tap, which drips again, and ask what a new one costs",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Read the new revision before applying it",
    "Return the ladder",
    *(f"Water the tomatoes, day {day}" for day in range(1, 8)),
]


class Site(NamedTuple):
    """The addresses of one project's servers.

    Attributes:
        migrated: with `NOTES`, of which the first is the latest.
        empty: on a database that was never migrated.
        bare: of a project without the example, migrated.
    """

    migrated: str
    empty: str
    bare: str


@contextmanager
def running(project: Project, folder: Path, notes: list[str] | None) -> Iterator[str]:
    """Serve a copy of `project` in `folder`, migrated unless `notes` is None."""
    copy = Project(folder / project.path.name, project.answers, project.bin)
    shutil.copytree(project.path, copy.path)
    with new_database("sqlite", folder) as copy.url:
        if notes is not None:
            copy.ok("alembic", "upgrade", "head")
            for number, note in enumerate(reversed(notes), start=1):
                day = f"2026-03-{number:02} 09:00:00"
                copy.sql(f"INSERT INTO note (text, created_at) VALUES ('{note}', '{day}')")
        with served(copy, "flask", "run", "--port", "{port}") as address:
            yield address


@pytest.fixture(scope="module")
def site(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The servers that the tests only read from."""
    project = bake(project_name="Corner Shop")
    bare = bake(project_name="Corner Shop", example=False)

    def folder() -> Path:
        return tmp_path_factory.mktemp("site")

    with (
        running(project, folder(), NOTES) as migrated,
        running(project, folder(), None) as empty,
        running(bare, folder(), []) as without_example,
    ):
        yield Site(migrated, empty, without_example)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the machine has it; what a missing one does is as for a database."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        assert os.environ.get("REQUIRE_DATABASES") != "1", "chromium is not installed"
        pytest.skip("chromium is not installed")
    fonts = str(Path(__file__).with_name("fonts.conf"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            # Without a sandbox root can start it too; it shows these pages only.
            chromium_sandbox=False,
            args=["--disable-gpu"],
            env={**os.environ, "FONTCONFIG_FILE": fonts},
        )
        yield browser
        browser.close()


@contextmanager
def page_of(browser: Browser, **options: Any) -> Iterator[Page]:
    """Yield an empty page of a new context, which must not complain of anything that it shows.

    Args:
        browser: a running one.
        options: of the context, as Playwright names them.
    """
    complaints: list[str] = []

    def look_at(answer: Response) -> None:
        if answer.request.resource_type != "document" and answer.status >= 400:
            complaints.append(f"{answer.status} {answer.url}")

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    with browser.new_context(**options) as context:
        page = context.new_page()
        page.on("response", look_at)
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", listen)
        yield page
    assert complaints == []


def must_be_accessible(page: Page) -> None:
    """Ask axe-core, which finds too little contrast, missing labels and the like."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def must_fit(page: Page) -> None:
    """Look for what is wider than the window, and for commands and dates that are broken."""
    window, content = page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert content <= window, page.url
    lines = "element => element.getClientRects().length"
    for element in page.locator("pre code, time").all():
        assert element.evaluate(lines) == 1, element.inner_text()


@pytest.fixture(scope="module")
def screenshots(pytestconfig: pytest.Config) -> Path:
    """Where the screenshots go."""
    return Path(str(pytestconfig.cache.mkdir("screenshots")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_accessible(
    browser: Browser, site: Site, screenshots: Path, scheme: str
) -> None:
    addresses = {name: site.migrated + path for name, path in PAGES.items()}
    addresses |= {"landing-empty": f"{site.empty}/", "notes-empty": f"{site.empty}/notes/"}
    addresses |= {"landing-bare": f"{site.bare}/"}
    with page_of(browser, color_scheme=scheme) as page:
        for name, address in addresses.items():
            page.goto(address)
            must_be_accessible(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 720})
                must_fit(page)
                page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
        page.goto(addresses["notes"])
        page.get_by_label("New note").fill("   ")
        page.get_by_role("button", name="Add").click()
        must_be_accessible(page)
        must_fit(page)
        page.screenshot(path=screenshots / f"notes-refused-{scheme}.png")


def test_the_current_page_is_marked_and_focus_is_visible(browser: Browser, site: Site) -> None:
    with page_of(browser) as page:
        page.goto(f"{site.migrated}/notes/2/delete")
        assert page.locator("[aria-current=page]").all_inner_texts() == ["Notes"]
        page.goto(f"{site.migrated}/")
        assert page.locator("[aria-current=page]").all_inner_texts() == ["Home"]
        focused = []
        for _ in range(page.locator("a, pre").count()):
            page.keyboard.press("Tab")
            focused.append(
                page.evaluate(
                    "[document.activeElement.tagName, getComputedStyle(document.activeElement).outline]"
                )
            )
        assert {tag for tag, _ in focused} == {"A", "PRE"}
        assert not [tag for tag, outline in focused if "3px" not in outline]


def test_a_click_selects_a_whole_command(browser: Browser, site: Site) -> None:
    with page_of(browser, viewport={"width": 320, "height": 720}) as page:
        page.goto(f"{site.migrated}/")
        page.locator("pre code").first.click()
        selected = page.evaluate("getSelection().toString()")
        assert selected == 'uv run alembic revision --autogenerate -m "add orders"'


def test_notes_work_without_javascript(
    browser: Browser, bake: Bake, tmp_path: Path, screenshots: Path
) -> None:
    with (
        running(bake(), tmp_path, []) as address,
        page_of(browser, java_script_enabled=False) as page,
    ):
        page.goto(f"{address}/notes/")
        expect(page.get_by_text("There are no notes yet.")).to_be_visible()
        page.screenshot(path=screenshots / "notes-none.png")
        page.get_by_label("New note").fill("   ")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("New note").fill("<i>milk</i>")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status")).to_have_text("The note is saved.")
        page.screenshot(path=screenshots / "notes-saved.png")

        page.get_by_role("link", name="Delete").click()
        page.get_by_role("link", name="Keep it").click()
        expect(page.get_by_text("<i>milk</i>")).to_be_visible()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("status")).to_have_text("The note is deleted.")
        expect(page.get_by_text("There are no notes yet.")).to_be_visible()


def test_a_policy_that_is_violated_is_noticed(browser: Browser, site: Site) -> None:
    def violate() -> None:
        with page_of(browser) as page:
            page.goto(f"{site.migrated}/")
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"top: 0\">')")

    with pytest.raises(AssertionError, match="Content Security Policy"):
        violate()


def test_the_pictures_of_the_readme(browser: Browser, site: Site, screenshots: Path) -> None:
    options = {"viewport": {"width": 880, "height": 900}, "device_scale_factor": 1.5}
    addresses = {
        "landing": (f"{site.empty}/", "light"),
        "notes": (f"{site.migrated}/notes/", "dark"),
    }
    for name, (address, scheme) in addresses.items():
        with page_of(browser, color_scheme=scheme, **options) as page:
            page.goto(address)
            # The temporary folder would be another one in each picture.
            page.evaluate(
                "document.querySelectorAll('[data-root]').forEach("
                "code => code.textContent = '/home/jane/shop')"
            )
            page.screenshot(path=screenshots / f"{name}.png")
