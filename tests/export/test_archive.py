"""What `write_endpoints` writes: each function as it is, once, with the variables that it uses."""

import tensorflow as tf

from vtkeras.export.archive import write_endpoints

ONE_ROW = [tf.TensorSpec((None,), tf.float32, name="x")]


def test_endpoints_are_traced_once_and_keep_what_they_use(tmp_path):
    used, unused = tf.Variable(3.0), tf.Variable(tf.zeros(1000))
    traced = []

    def multiplied(x):
        traced.append("multiplied")
        return {"y": used * x}

    def added(x):
        traced.append("added")
        return {"y": used + x}

    functions = {
        one.__name__: tf.function(one, input_signature=ONE_ROW, autograph=False) for one in (multiplied, added)
    }
    write_endpoints(functions, tmp_path / "saved")
    assert sorted(traced) == ["added", "multiplied"]
    loaded = tf.saved_model.load(tmp_path / "saved")
    assert loaded.multiplied(tf.constant([2.0]))["y"].numpy().tolist() == [6.0]
    assert loaded.added(x=tf.constant([2.0]))["y"].numpy().tolist() == [5.0]
    assert loaded.signatures["serving_default"](x=tf.constant([2.0]))["y"].numpy().tolist() == [6.0]
    kept = [shape for _, shape in tf.train.list_variables(str(tmp_path / "saved" / "variables" / "variables"))]
    assert list(unused.shape) not in kept
