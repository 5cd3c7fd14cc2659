"""What attention may read: keys and values, or a context from which they are made chunk by chunk.

Each kind has `parts`, tensors whose next to last axis is the context's length; `weights`, tensors
without such an axis; `groups`, how many heads have keys of their own; `value_dim`; and two methods.
`load(parts, weights)` gives key and value (batch, groups, length, width) of a chunk of the parts,
`unload(parts, weights, key_grad, value_grad)` gives the gradients of parts and of weights.
"""

from keras import ops


class KeysAndValues:
    """Keys and values made beforehand.

    Args:
        key, value: float (batch, heads, context_length, head_dim).
    """

    def __init__(self, key, value):
        self.parts = (key, value)
        self.weights = ()
        self.groups = key.shape[1]
        self.value_dim = value.shape[-1]

    def load(self, parts, weights):
        """Key and value as they are."""
        return parts

    def unload(self, parts, weights, key_grad, value_grad):
        """The gradients as they are."""
        return (key_grad, value_grad), ()


class ProjectedContext:
    """A context and one kernel for keys and values: each chunk is projected when it is read.

    The backward pass projects it again, so that neither keys and values nor their gradients are ever
    held whole.

    Args:
        context: float (batch, context_length, context_dim).
        kernel: float (context_dim, 2 * dim), of the keys and then of the values.
        bias: float (2 * dim,).
        heads: int.
    """

    def __init__(self, context, kernel, bias, heads):
        self.parts = (context,)
        self.weights = (kernel, bias)
        self.groups = heads
        self.value_dim = kernel.shape[1] // 2 // heads

    def load(self, parts, weights):
        """Key and value of the chunk by one matrix product."""
        (context,), (kernel, bias) = parts, weights
        batch, length, _ = ops.shape(context)
        both = ops.matmul(context, kernel) + bias
        both = ops.reshape(both, (batch, length, 2, self.groups, self.value_dim))
        return ops.unstack(ops.transpose(both, (2, 0, 3, 1, 4)), 2)

    def unload(self, parts, weights, key_grad, value_grad):
        """Gradients of the context's chunk, and of kernel and bias."""
        (context,), (kernel, _) = parts, weights
        batch, length, width = ops.shape(context)
        both = ops.transpose(ops.stack([key_grad, value_grad]), (1, 3, 0, 2, 4))
        both = ops.reshape(both, (batch * length, kernel.shape[1]))
        context_grad = ops.reshape(ops.matmul(both, ops.transpose(kernel)), (batch, length, width))
        kernel_grad = ops.matmul(ops.transpose(ops.reshape(context, (batch * length, width))), both)
        return (context_grad,), (kernel_grad, ops.sum(both, axis=0))


class SharedContext:
    """The context as it is, key and value of every head, for a query that projections are folded into.

    The values get a column of ones, whose attention is the sum of a row's weights: what the bias of
    the values is to be multiplied by.

    Args:
        context: float (batch, context_length, context_dim).
    """

    groups = 1

    def __init__(self, context):
        self.parts = (context,)
        self.weights = ()
        self.value_dim = context.shape[-1] + 1

    def load(self, parts, weights):
        """The context as key, and with a column of ones as value."""
        key = parts[0][:, None]
        return key, ops.concatenate([key, ops.ones_like(key[..., :1])], axis=-1)

    def unload(self, parts, weights, key_grad, value_grad):
        """The context's gradient: the sum of both, without the column of ones."""
        return ((key_grad + value_grad[..., :-1])[:, 0],), ()
