import random

random.seed(3)
image = [[random.random() for _ in range(4)] for _ in range(4)]


def slide(picture, k):
    out = []
    for r in range(len(picture) - 1):
        out.append([])
        for c in range(len(picture[0]) - 1):
            total = 0
            for i in range(2):
                for j in range(2):
                    total += picture[r + i][c + j] * k[i][j]
            out[r].append(total)
    return out


wanted = slide(image, [[0.25, 0.25], [0.25, 0.25]])
kernel = [[0.9, -0.2], [0.1, 0.6]]

for epoch in range(15):
    seen = slide(image, kernel)
    off = [[a - b for a, b in zip(row, goal)] for row, goal in zip(seen, wanted)]
    loss = sum(0.5 * e**2 for row in off for e in row)
    for i in range(2):
        for j in range(2):
            slope = sum(off[r][c] * image[r + i][c + j] for r in range(3) for c in range(3))
            kernel[i][j] -= 0.02 * slope
    if epoch % 5 == 0:
        print("epoch", epoch, "loss", loss)
