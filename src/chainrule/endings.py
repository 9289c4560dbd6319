"""Whether a network's last layer gives what the loss takes: logits, or probabilities."""

from chainrule.errors import SettingError
from chainrule.layers import Dense, Dropout, Flatten, Identity, Layer, Reshape, Sequential
from chainrule.layers.activations import Activation, Sigmoid, Softmax
from chainrule.loss import FunctionLoss, Loss

PASSING_ON = (Identity, Dropout, Flatten, Reshape)  # change no number's meaning


def check_ending(net: Layer, loss: Loss | FunctionLoss) -> None:
    """Raise SettingError, with the way out, where the last layer and the loss do not go together.

    A loss of logits applies the sigmoid or softmax itself; after a second one nothing is right,
    and nothing fails. A loss of probabilities after a layer that gives any number is never right.
    """
    last = last_layer(net)
    if last is None or not isinstance(loss, Loss):
        return
    name = type(last).__name__
    binary = loss.task == "binary"
    squashes = isinstance(last, Sigmoid | Softmax)
    if loss.prediction == "logits" and squashes:
        other = ", or take the loss binary_cross_entropy" if isinstance(last, Sigmoid) else ""
        raise SettingError(
            f"{loss.name} applies the {'sigmoid' if binary else 'softmax'} itself, and the network "
            f"ends in {name}; leave {name} out (predict_proba still gives probabilities)"
            f"{other if binary else ''}"
        )
    if loss.prediction == "probabilities" and isinstance(last, Dense | Activation) and not squashes:
        of_logits = "binary_cross_entropy_with_logits" if binary else "cross_entropy"
        raise SettingError(
            f"{loss.name} takes probabilities, and the network ends in {name}, which gives other "
            f"numbers too; end in {'Sigmoid' if binary else 'Softmax'}(), or take the loss "
            f"{of_logits}"
        )


def last_layer(net: Layer) -> Layer | None:
    """The layer that decides what the output means; None for a network without layers."""
    if not isinstance(net, Sequential):
        return net
    for layer in reversed(net.layers):
        if not isinstance(layer, PASSING_ON):
            return last_layer(layer)
    return None
