"""Which entries of PyTorch's `op_db` chainrule shares, and why it does not share the others.

`ROWS` maps the name of an entry to an adapter: a function of the sample's own arguments, written
as a NumPy user would write it. `EXCLUDED` names samples of shared entries that cannot be compared,
`NOT_SHARED` whole entries; both give their reasons. Every entry of `op_db` is in `ROWS`, in
`NOT_SHARED`, or has no float64 samples.

Conventions at kinks: both have derivative 0 of |x|, of a norm and of relu at 0, pass the gradient
of `clip` at a limit, and share it between equal arguments of `maximum`. PyTorch gives the gradient
of `max` along an axis to one of equal entries where chainrule shares it, and none at the limits of
`hardtanh` and `relu6` where a clip passes it; no sample stands there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from op_db_rows import (
    activations,
    elementwise,
    indexing,
    layout,
    losses,
    masked,
    normalisation,
    products,
    reductions,
    resampling,
    windows,
)

Adapter = Callable[..., Any]

_PARTS = (
    activations,
    elementwise,
    indexing,
    layout,
    losses,
    masked,
    normalisation,
    products,
    reductions,
    resampling,
    windows,
)
ROWS: dict[str, Adapter] = {name: row for part in _PARTS for name, row in part.ROWS.items()}
if len(ROWS) != sum(len(part.ROWS) for part in _PARTS):
    raise ValueError("two modules of op_db_rows name the same entry")


# --- samples that are left out -------------------------------------------------------------------


@dataclass(frozen=True)
class Exclusion:
    """Samples of some entries that are not compared. It must match some of each."""

    entries: tuple[str, ...]
    matches: Callable[[Any], bool]
    reason: str


def _order(sample: Any) -> Any:
    return sample.kwargs.get("ord", sample.args[0] if sample.args else None)


def _of_matrix(sample: Any) -> bool:
    dim = sample.kwargs.get("dim", sample.args[1] if len(sample.args) > 1 else None)
    return sample.input.ndim == 2 if dim is None else isinstance(dim, tuple) and len(dim) == 2


def _repeats(sample: Any) -> bool:
    """Whether two entries of one channel go to the same place."""
    spatial = len(sample.kwargs["output_size"]) if "output_size" in sample.kwargs else 0
    rank = min(spatial, sample.input.ndim) - 2
    places = np.reshape(sample.args[0].numpy(), (-1, int(np.prod(sample.input.shape[-rank:]))))
    return any(len(set(row)) < len(row) for row in places.tolist())


EXCLUDED = [
    Exclusion(
        ("linalg.norm", "linalg.norm.subgradients_at_zero", "linalg.matrix_norm"),
        lambda sample: _order(sample) in ("nuc", 2, -2) and _of_matrix(sample),
        "needs singular values, which chainrule does not record",
    ),
    Exclusion(
        ("einsum",),
        lambda sample: sample.args[0] == "...ik, ...j -> ij",
        "NumPy refuses to sum over an ellipsis that the result does not have",
    ),
    Exclusion(
        ("tensordot",),
        lambda sample: tuple(sample.input.shape) == (1, 1, 1),
        "PyTorch stretches summed axes of length 1, NumPy refuses",
    ),
    Exclusion(
        ("nn.functional.rrelu",),
        lambda sample: sample.kwargs.get("training", False),
        "draws random slopes",
    ),
    Exclusion(
        ("nn.functional.scaled_dot_product_attention",),
        lambda sample: sample.kwargs["dropout_p"] > 0,
        "drops at random",
    ),
    Exclusion(
        ("nn.functional.max_unpool1d", "nn.functional.max_unpool2d", "nn.functional.max_unpool3d"),
        _repeats,
        "places repeat: only one entry can stand, yet PyTorch gives all of them its gradient",
    ),
    Exclusion(
        ("grid_sampler_3d",),
        lambda sample: sample.input.numel() > 100_000,
        "takes seconds or gigabytes; every setting runs on the smaller arrays of the same entry",
    ),
]


# --- entries that are not shared -----------------------------------------------------------------


def _because(reason: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


NOT_SHARED: dict[str, str] = {
    **_because(
        "complex numbers: chainrule records real ones",
        """
        complex cdouble cfloat chalf polar view_as_complex stft
        fft.fft fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn fft.rfft fft.rfft2 fft.rfftn
        fft.irfft fft.irfft2 fft.irfftn fft.hfft fft.hfft2 fft.hfftn fft.ihfft fft.ihfft2
        fft.ihfftn linalg.eig linalg.eigvals
        """,
    ),
    **_because(
        "a matrix decomposition, which chainrule does not record",
        """
        cholesky linalg.cholesky linalg.cholesky_ex linalg.eigh linalg.eigvalsh geqrf
        linalg.householder_product ormqr qr linalg.qr lu lu_solve lu_unpack linalg.lu
        linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve linalg.ldl_factor
        linalg.ldl_factor_ex linalg.ldl_solve svd svd_lowrank pca_lowrank linalg.svd
        linalg.svdvals linalg.cond linalg.matrix_rank linalg.matrix_rank.hermitian
        linalg.pinv linalg.pinv.hermitian linalg.pinv.singular pinverse linalg.lstsq
        linalg.lstsq.grad_oriented norm.nuc
        """,
    ),
    **_because(
        "a special function that neither NumPy nor chainrule has",
        """
        digamma erfinv i0 igamma igammac lgamma matrix_exp mvlgamma.mvlgamma_p_1
        mvlgamma.mvlgamma_p_3 mvlgamma.mvlgamma_p_5 polygamma.polygamma_n_0
        polygamma.polygamma_n_1 polygamma.polygamma_n_2 polygamma.polygamma_n_3
        polygamma.polygamma_n_4 special.airy_ai special.bessel_j0 special.bessel_j1
        special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t
        special.chebyshev_polynomial_u special.chebyshev_polynomial_v
        special.chebyshev_polynomial_w special.hermite_polynomial_h
        special.hermite_polynomial_he special.i0e special.i1 special.i1e
        special.laguerre_polynomial_l special.legendre_polynomial_p
        special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0
        special.modified_bessel_k1 special.ndtri special.polygamma.special_polygamma_n_0
        special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1
        special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u
        special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w
        special.spherical_bessel_j0 special.zeta
        """,
    ),
    **_because(
        "random: the two libraries draw different numbers",
        """
        bernoulli cauchy exponential geometric log_normal multinomial normal normal.in_place
        normal.number_mean rand_like randint randint_like randn randn_like uniform
        nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d
        nn.functional.dropout3d nn.functional.feature_alpha_dropout.with_train
        nn.functional.feature_alpha_dropout.without_train
        nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
        nn.functional.multi_head_attention_forward
        """,
    ),
    **_because(
        "makes an array from numbers that are no arrays: nothing to differentiate or to record",
        """
        arange empty empty_like empty_permuted empty_strided eye full linspace
        linspace.tensor_overload logspace logspace.tensor_overload new_empty new_empty_strided
        new_full new_ones new_zeros ones scalar_tensor zeros signal.windows.bartlett
        signal.windows.blackman signal.windows.cosine signal.windows.exponential
        signal.windows.gaussian signal.windows.general_cosine signal.windows.general_hamming
        signal.windows.hamming signal.windows.hann signal.windows.kaiser
        signal.windows.nuttall
        """,
    ),
    **_because(
        "the shape or the position depends on values, which a recording does not know",
        """
        argwhere bucketize histc histogram histogramdd item mode nonzero nonzero_static
        searchsorted unique unique_consecutive
        """,
    ),
    **_because(
        "PyTorch's own memory, storage or machinery: NumPy has nothing of the kind",
        """
        _batch_norm_with_update _chunk_cat as_strided.partial_views bfloat16 hash_tensor
        jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args jiterator_binary
        jiterator_binary_return_by_ref jiterator_unary resize_ resize_as_ sparse.mm.reduce
        sparse.sampled_addmm to_sparse zero_
        """,
    ),
    **_because(
        "the backward kernel of nn.functional.max_pool2d, whose gradient is compared",
        "max_pool2d_with_indices_backward",
    ),
    **_because(
        "PyTorch's gradient presumes that the input is a log-softmax, and is not its own",
        "nn.functional.ctc_loss",
    ),
    **_because(
        "PyTorch 2.13 gives the base the gradient where it is overwritten, and none elsewhere",
        "as_strided_scatter",
    ),
    **_because("an antialiased filter, which has no short form", "_upsample_bilinear2d_aa"),
    **_because("takes a floating-point number apart into its bits", "frexp nextafter"),
}
