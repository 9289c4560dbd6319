from math import exp

# a thermometer cools: seconds, degrees (in tens)
readings = [(0.0, 9.1), (0.5, 6.9), (1.0, 5.4), (1.5, 4.2), (2.0, 3.6), (3.0, 2.7), (4.5, 2.2)]

start, end, tau = 8.0, 1.0, 1.0
rate = 0.3


def model(t, start, end, tau):
    return end + (start - end) * exp(-t / tau)


def error_and_slopes(start, end, tau):
    error = 0.0
    ds = de = dt = 0.0
    for t, y in readings:
        fading = exp(-t / tau)
        off = end + (start - end) * fading - y
        error += 0.5 * off**2 / len(readings)
        ds += off * fading
        de += off * (1 - fading)
        dt += off * (start - end) * fading * t / tau**2
    return error, (ds / len(readings), de / len(readings), dt / len(readings))


error, slopes = error_and_slopes(start, end, tau)
rounds = 0
while error > 0.003 and rounds < 200:
    ds, de, dt = slopes
    start, end, tau = start - rate * ds, end - rate * de, tau - rate * dt
    new_error, slopes = error_and_slopes(start, end, tau)
    if new_error > error:
        rate = rate / 2
    error = new_error
    rounds += 1

print("after", rounds, "rounds:", round(start, 2), round(end, 2), round(tau, 2), "error", round(error, 4))
