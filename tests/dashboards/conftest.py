"""What the tests of pages share."""

import functools

import pytest


@pytest.fixture(scope="session", autouse=True)
def packages_searched_once():
    """Streamlit looks through every installed package for components each time that a test opens a page: a second."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
        )
        yield
