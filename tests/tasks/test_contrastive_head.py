import numpy as np
import tensorflow as tf

from vtkeras import keys
from vtkeras.tasks.heads import HEADS


def test_reads_the_changed_caption_where_there_is_one(preprocessor):
    caption, changed = tf.constant(["a digit moves"]), tf.constant(["digit"])
    plain = HEADS["contrastive"].inputs({keys.CAPTION: caption}, preprocessor)[keys.MATCH_TOKENS]
    read = HEADS["contrastive"].inputs({keys.CAPTION: caption, keys.MATCH_TEXT: changed}, preprocessor)
    np.testing.assert_array_equal(plain, preprocessor.match(caption))
    np.testing.assert_array_equal(read[keys.MATCH_TOKENS], preprocessor.match(changed))
    assert (plain != read[keys.MATCH_TOKENS]).numpy().any()
