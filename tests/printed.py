"""Parts of documents that are printed from the code: compared by tests, refreshed by CRM_UPDATE_DOCS=1."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def assert_printed(page: str, name: str, text: str) -> None:
    """The part between `<!-- printed:NAME -->` and `<!-- /printed -->` of the page is `text`."""
    path = ROOT / page
    content = path.read_text(encoding="utf-8")
    part = re.compile(rf"(<!-- printed:{re.escape(name)} -->\n)(.*?)(<!-- /printed -->)", re.DOTALL)
    if os.environ.get("CRM_UPDATE_DOCS") == "1":
        content = part.sub(lambda found: found[1] + text + found[3], content)
        path.write_text(content, encoding="utf-8")
    shown = [found[1] for found in part.findall(content)]
    assert shown == [text], f"{page} is not up to date: CRM_UPDATE_DOCS=1 make test"
