import numpy as np

from vtkeras.models.word_tagger import WordTagger


def test_errors_by_hand():
    tagger = WordTagger(4, dim=4)
    latents = np.ones((2, 4, 4, 2), "float32")
    tagger(latents)
    kernel, _ = tagger.judge.get_weights()
    tagger.judge.set_weights([np.zeros_like(kernel), np.array([9.0, 2.0, -1.0, 0.0])])
    # Words 1 and 3 are there: log(1 + e^-2) + log(1 + e^-1) + log 2; the padding, 0, does not count. Without words:
    # log(1 + e^2) + log(1 + e^-1) + log 2.
    found = tagger.errors(latents, np.array([[3, 1, 1, 0], [0, 0, 0, 0]], "int32"))
    np.testing.assert_allclose(found, [0.126928 + 0.313262 + 0.693147, 2.126928 + 0.313262 + 0.693147], rtol=1e-5)
