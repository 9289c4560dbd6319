"""Convolution, pooling and filters on small images."""

import numpy as np

from .case import Case


def conv_forward_naive(x, w, b, stride, pad):
    """Course-assignment style: padded images, four nested loops, one output number at a time."""
    N, _C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    window = x_pad[n, :, hs : hs + HH, ws : ws + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out


def im2col_convolution(input_data, W, b, stride, pad):
    """Textbook style: unfold the image into columns and multiply once."""
    N, C, H, width = input_data.shape
    FN, C, FH, FW = W.shape
    out_h = (H + 2 * pad - FH) // stride + 1
    out_w = (width + 2 * pad - FW) // stride + 1
    img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((N, C, FH, FW, out_h, out_w))
    for y in range(FH):
        y_max = y + stride * out_h
        for x in range(FW):
            x_max = x + stride * out_w
            col[:, :, y, x, :, :] = img[:, :, y:y_max:stride, x:x_max:stride]
    col = col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)
    col_W = W.reshape(FN, -1).T
    out = np.dot(col, col_W) + b
    return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)


def max_pool_by_reshape(x, dout):
    """Fast-layers style: pooling as a reshape and two maxima, backward through a mask of ties."""
    N, C, H, W = x.shape
    x_reshaped = x.reshape(N, C, H // 2, 2, W // 2, 2)
    out = x_reshaped.max(axis=3).max(axis=4)

    dx_reshaped = np.zeros_like(x_reshaped)
    out_newaxis = out[:, :, :, np.newaxis, :, np.newaxis]
    mask = x_reshaped == out_newaxis
    dout_newaxis = dout[:, :, :, np.newaxis, :, np.newaxis]
    dout_broadcast, _ = np.broadcast_arrays(dout_newaxis, dx_reshaped)
    dx_reshaped[mask] = dout_broadcast[mask]
    dx_reshaped /= np.sum(mask, axis=(3, 5), keepdims=True)
    dx = dx_reshaped.reshape(x.shape)
    return out, dx


def sobel_edges(image):
    """Image-processing blog style: a filter as a sum of shifted slices of the padded image."""
    kernel_x = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    kernel_y = kernel_x.T
    height, width = image.shape
    padded = np.pad(image, 1, mode="edge")
    gx = np.zeros_like(image)
    gy = np.zeros_like(image)
    for i in range(3):
        for j in range(3):
            patch = padded[i : i + height, j : j + width]
            gx += kernel_x[i, j] * patch
            gy += kernel_y[i, j] * patch
    magnitude = np.sqrt(gx**2 + gy**2 + 1e-12)
    magnitude *= 255.0 / magnitude.max()
    return magnitude


def windows_einsum(x, kernels, bias):
    """Modern-NumPy style: a sliding window view contracted by einsum, then average pooling."""
    kh, kw = kernels.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))
    feature_maps = np.einsum("nhwcij,ijcf->nhwf", windows, kernels, optimize=True)
    feature_maps = np.maximum(feature_maps + bias, 0.01 * (feature_maps + bias))
    pooled = 0.25 * (
        feature_maps[:, ::2, ::2]
        + feature_maps[:, 1::2, ::2]
        + feature_maps[:, ::2, 1::2]
        + feature_maps[:, 1::2, 1::2]
    )
    return pooled.reshape(len(x), -1)


def _image_batch(rng):
    return (
        rng.normal(size=(2, 2, 5, 5)),
        rng.normal(size=(3, 2, 3, 3)),
        rng.normal(size=3),
        2,
        1,
    )


CASES = [
    Case("conv_forward_naive", conv_forward_naive, _image_batch, (0, 1, 2)),
    Case("im2col_convolution", im2col_convolution, _image_batch, (0, 1, 2)),
    Case(
        "max_pool_by_reshape",
        max_pool_by_reshape,
        lambda rng: (rng.normal(size=(2, 2, 4, 6)), rng.normal(size=(2, 2, 2, 3))),
        (0, 1),
    ),
    Case("sobel_edges", sobel_edges, lambda rng: (rng.random((6, 7)),), (0,)),
    Case(
        "windows_einsum",
        windows_einsum,
        lambda rng: (
            rng.normal(size=(2, 6, 6, 2)),
            rng.normal(size=(3, 3, 2, 4)),
            rng.normal(size=4),
        ),
        (0, 1, 2),
    ),
]
