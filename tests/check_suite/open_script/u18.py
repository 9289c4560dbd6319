import numpy as np

rng = np.random.default_rng(1001)
houses = rng.normal(size=(28, 4))
price = houses @ np.array([[1.0], [0.5], [-0.3], [0.0]]) + 0.1 * rng.normal(size=(28, 1))
sold = (houses[:, [3]] - houses[:, [0]] > 0).astype(float)

trunk_w = rng.normal(size=(4, 5)) * 0.5
trunk_b = np.zeros(5)
price_w = rng.normal(size=(5, 1)) * 0.5
sold_w = rng.normal(size=(5, 1)) * 0.5
rate = 0.1
n = len(houses)

for epoch in range(120):
    h = np.tanh(houses @ trunk_w + trunk_b)
    price_hat = h @ price_w
    sold_hat = 1 / (1 + np.exp(-(h @ sold_w)))
    loss_price = np.mean((price_hat - price) ** 2)
    loss_sold = -np.mean(sold * np.log(sold_hat) + (1 - sold) * np.log(1 - sold_hat))
    loss = loss_price + loss_sold

    # head 1
    d_price = 2 * (price_hat - price) / n
    g_price_w = h.T @ d_price
    dh = d_price @ price_w.T
    # head 2
    d_sold = (sold_hat - sold) / n
    g_sold_w = h.T @ d_sold
    dh = d_sold @ sold_w.T

    da = dh * (1 - h**2)
    price_w -= rate * g_price_w
    sold_w -= rate * g_sold_w
    trunk_w -= rate * houses.T @ da
    trunk_b -= rate * da.sum(axis=0)
    if epoch % 40 == 0:
        print('epoch', epoch, 'price', loss_price, 'sold', loss_sold, 'both', loss)
