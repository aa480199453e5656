# SPDX-License-Identifier: Apache-2.0
"""Pictures of the page for the README and the docs.

``PYTHONPATH=tests python tests/demo/pictures.py`` writes docs/images/demo.png
(1280 x 800) and demo-phone.png (390 x 844); an argument names another folder.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from demo_window import SERVE, Window, laptop, launch, phone, start_server

# In the middle of training.
SHOWN = "depth=2&band=trained&t=15&networks=1&width=256&count=6"
NETWORKS = "+doc.get_model_by_name('progress_text').text.match(/t = ([^ ,;:]+)/)?.[1] > 15"


def main(folder):
    """Write both pictures."""
    process, url = start_server("-c", SERVE)
    with process, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, context in (("demo", laptop(browser)), ("demo-phone", phone(browser))):
            window = Window(context, url, SHOWN)
            window.page.set_default_timeout(120_000)
            window.until(NETWORKS)
            window.page.screenshot(path=folder / f"{name}.png")
            window.close()
        browser.close()
        process.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "docs/images"))
