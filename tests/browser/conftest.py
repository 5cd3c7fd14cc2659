import pytest


@pytest.fixture(scope="session")
def install(tmp_path_factory, tiny_config, vocabulary, tiny_model):
    """An exported run with random weights, its logs and metrics, and clips."""
    from fixtures.install import make_install

    return make_install(tmp_path_factory.mktemp("install") / "home", tiny_config(), vocabulary, tiny_model)
