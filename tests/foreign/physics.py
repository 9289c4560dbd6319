"""Simulations and residuals of differential equations."""

import numpy as np

from .case import Case


def n_body(pos, vel, mass, dt, softening):
    """Simulation-blog style: pairwise forces by broadcasting, leapfrog steps in place."""

    def get_acc(pos, mass):
        x = pos[:, 0:1]
        y = pos[:, 1:2]
        z = pos[:, 2:3]
        dx = x.T - x
        dy = y.T - y
        dz = z.T - z
        inv_r3 = dx**2 + dy**2 + dz**2 + softening**2
        inv_r3[inv_r3 > 0] = inv_r3[inv_r3 > 0] ** (-1.5)
        ax = (dx * inv_r3) @ mass
        ay = (dy * inv_r3) @ mass
        az = (dz * inv_r3) @ mass
        return np.hstack((ax, ay, az))

    acc = get_acc(pos, mass)
    for _ in range(3):
        vel += acc * dt / 2.0
        pos += vel * dt
        acc = get_acc(pos, mass)
        vel += acc * dt / 2.0
    return 0.5 * np.sum(mass * vel**2)


def heat_equation(u, nu, nt):
    """CFD-course style: explicit diffusion on a plate, interior by slices, walls held fixed."""
    dx = dy = 0.1
    dt = 0.001
    for _ in range(nt):
        un = u.copy()
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            + nu * dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
            + nu * dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[0:-2, 1:-1])
        )
        u[0, :] = 1
        u[-1, :] = 1
        u[:, 0] = 1
        u[:, -1] = u[:, -2]
    return u


def burgers_residual(u, nu, dx, dt):
    """Physics-loss style: Burgers' equation by central differences, periodic in space."""
    u_t = (u[2:] - u[:-2]) / (2 * dt)
    mid = u[1:-1]
    u_x = (np.roll(mid, -1, axis=1) - np.roll(mid, 1, axis=1)) / (2 * dx)
    u_xx = (np.roll(mid, -1, axis=1) - 2 * mid + np.roll(mid, 1, axis=1)) / dx**2
    residual = u_t + mid * u_x - nu * u_xx
    initial = np.linspace(0, 2 * np.pi, u.shape[1], endpoint=False)
    ic_loss = np.mean((u[0] - np.sin(initial)) ** 2)
    return np.mean(residual**2) + 10.0 * ic_loss


def pendulum_rk4(state, g, length, damping):
    """Mechanics-notebook style: a right-hand side that returns `np.array([...])`, and RK4."""

    def f(s):
        theta, omega = s
        return np.array([omega, -g / length * np.sin(theta) - damping * omega])

    dt = 0.05
    trajectory = [state]
    for _ in range(8):
        k1 = f(state)
        k2 = f(state + dt / 2 * k1)
        k3 = f(state + dt / 2 * k2)
        k4 = f(state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        trajectory.append(state)
    return np.stack(trajectory)


CASES = [
    Case(
        "n_body",
        n_body,
        lambda rng: (
            rng.normal(size=(5, 3)),
            rng.normal(size=(5, 3)),
            np.full((5, 1), 4.0),
            0.01,
            0.1,
        ),
        (0, 1, 2),
    ),
    Case("heat_equation", heat_equation, lambda rng: (1 + rng.random((6, 7)), 0.5, 4), (0,)),
    Case(
        "burgers_residual",
        burgers_residual,
        lambda rng: (rng.normal(size=(5, 8)), 0.05, 0.3, 0.1),
        (0,),
    ),
    Case(
        "pendulum_rk4",
        pendulum_rk4,
        lambda rng: (rng.normal(size=2), 9.81, 1.2, 0.1),
        (0, 1, 2, 3),
    ),
]
