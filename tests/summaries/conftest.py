import pytest
from fixtures.summaries import FakePredictor


@pytest.fixture
def predictor():
    return FakePredictor()
