import keras
import numpy as np

from vtkeras import keys
from vtkeras.models.shown_words import ShownWords


def test_only_shown_words_are_read_each_alone():
    words = ShownWords(6, dim=3, least=0.5)
    shown = np.array([0.9, 0.4, 0.5, 0.9, 0.9, 0.0], "float32")
    found = words(np.array([[1, 2, 4, 0], [5, 1, 0, 0]], "int32"), shown)
    table = words.embedding.get_weights()[0]
    np.testing.assert_array_equal(found[keys.MASK], [[False, True, True, False], [False] * 4])  # 0 is no word
    np.testing.assert_allclose(found[keys.SEQUENCE][0], table[[1, 2, 4, 0]])
    np.testing.assert_allclose(found[keys.POOLED], [(table[2] + table[4]) / 2, np.zeros(3)], rtol=1e-6)


def test_its_config_brings_it_back():
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ShownWords(6, 3, 0.3)))
    assert (again.vocabulary_size, again.dim, again.least) == (6, 3, 0.3)
