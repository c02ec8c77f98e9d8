"""Built files by their source; a build under way, a file that is missing, a front end that was never built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from admin_web.assets import Assets, NotBuiltError
from tests.unit.admin_web.conftest import World

MANIFEST = {
    "a.ts": {"file": "assets/a-1.js", "css": ["assets/a-1.css"], "imports": ["_shared.js"]},
    "_shared.js": {"file": "assets/shared-2.js", "css": ["assets/shared-2.css"], "imports": ["a.ts"]},
}


def _built(folder: Path) -> Path:
    (folder / ".vite").mkdir()
    path = folder / ".vite" / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    return path


def test_an_entry_brings_its_styles_its_shared_parts_and_its_script(tmp_path: Path) -> None:
    _built(tmp_path)
    tags = str(Assets(tmp_path).tags("a.ts")).split("\n")
    assert tags == [
        '<link rel="stylesheet" href="/static/dist/assets/a-1.css">',
        '<link rel="stylesheet" href="/static/dist/assets/shared-2.css">',
        '<link rel="modulepreload" href="/static/dist/assets/shared-2.js">',
        '<script type="module" src="/static/dist/assets/a-1.js"></script>',
    ]


def test_while_a_build_runs_the_last_one_answers(tmp_path: Path) -> None:
    path, assets = _built(tmp_path), Assets(tmp_path)
    assert assets.url("a.ts") == "/static/dist/assets/a-1.js"
    path.unlink()
    assert assets.url("a.ts") == "/static/dist/assets/a-1.js"


def test_what_is_not_built_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="npm run build"):
        Assets(tmp_path).url("a.ts")
    _built(tmp_path)
    with pytest.raises(NotBuiltError, match=r"b\.ts"):
        Assets(tmp_path).url("b.ts")


def test_without_a_front_end_pages_say_so_in_plain_text(world: World, tmp_path: Path) -> None:
    missing = Assets(tmp_path / "nowhere")
    world.app.jinja_env.globals.update(vite_asset=missing.tags, vite_url=missing.url, icon=missing.icon)
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = world.client().get("/sign-in")
    assert answer.status_code == 500
    assert "npm run build" in answer.get_data(as_text=True)
