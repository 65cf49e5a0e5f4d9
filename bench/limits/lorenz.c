/* The Lorenz equations by the same method, step controller and clock as Duhamel's, as tight C: what the machine allows. */
#include <math.h>

#define STAGES 7
#define SIZE 3

static const double A[STAGES][STAGES - 1] = {
    {0},
    {0.161},
    {-0.008480655492356989, 0.335480655492357},
    {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
    {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
    {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774},
};
static const double E[STAGES] = {
    0.0017800110522257772,  0.0008164344596567469, -0.007880878010261996, 0.1447110071732629,
    -0.5823571654525552, 0.4580821059291869, -1.0 / 66.0,
};

static inline void slope(const double *u, double *k) {
    k[0] = 10.0 * (u[1] - u[0]);
    k[1] = u[0] * (28.0 - u[2]) - u[1];
    k[2] = u[0] * u[1] - 8.0 / 3.0 * u[2];
}

static double scaled(const double *v, const double *u, double rtol, double atol) {
    double sum = 0;
    for (int d = 0; d < SIZE; d++) {
        double x = v[d] / (atol + rtol * fabs(u[d]));
        sum += x * x;
    }
    return sqrt(sum / SIZE);
}

/* Hairer, Norsett & Wanner's first step, as in Adaptive.first. */
static double first(const double *u, const double *k, double span, double rtol, double atol) {
    double size = scaled(u, u, rtol, atol), speed = scaled(k, u, rtol, atol);
    double trial = size < 1e-5 || speed < 1e-5 ? 1e-6 * span : 0.01 * size / speed;
    trial = fmin(trial, span);
    double moved[SIZE], after[SIZE];
    for (int d = 0; d < SIZE; d++) moved[d] = u[d] + trial * k[d];
    slope(moved, after);
    for (int d = 0; d < SIZE; d++) after[d] -= k[d];
    double most = fmax(speed, scaled(after, u, rtol, atol) / trial);
    double better = most <= 1e-15 ? fmax(1e-6 * span, trial * 1e-3) : pow(0.01 / most, 0.2);
    return fmin(fmin(100.0 * trial, better), span);
}

/* u goes from time 0 to t1 in place; counts are {accepted, rejected}. */
void lorenz(double *u, double t1, double rtol, double atol, long *counts) {
    double k[STAGES][SIZE], v[SIZE], t = 0, low = 0, previous = 0;
    slope(u, k[0]);
    double want = first(u, k[0], t1, rtol, atol);
    long accepted = 0, rejected = 0;
    for (int done = 0; !done;) {
        double distance = (t1 - t) - low;
        int lands = want * 1.0000001 >= distance;
        double h = lands ? distance : want;
#pragma GCC unroll 7
        for (int i = 1; i < STAGES; i++) {
#pragma GCC unroll 3
            for (int d = 0; d < SIZE; d++) {
                double sum = 0;
#pragma GCC unroll 6
                for (int j = 0; j < i; j++) sum += A[i][j] * k[j][d];
                v[d] = u[d] + h * sum;
            }
            slope(v, k[i]);
        }
        double total = 0;
        for (int d = 0; d < SIZE; d++) {
            double sum = 0;
            for (int j = 0; j < STAGES; j++) sum += E[j] * k[j][d];
            double x = h * sum / (atol + rtol * fmax(fabs(u[d]), fabs(v[d])));
            total += x * x;
        }
        double error = sqrt(total / SIZE);
        int good = error <= 1.0;
        double size = log(fmax(error, 1e-8) / 0.5);
        double change = good ? (0.4 * previous - 0.7 * size) / 5.0 : fmin(-size / 5.0, -0.2231);
        double next = h * exp(fmin(fmax(change, -2.303), 2.0));
        want = good && lands ? fmax(want, next) : next;
        if (good) {
            double y = h + low, sum = t + y;
            low = y - (sum - t);
            t = sum;
            for (int d = 0; d < SIZE; d++) {
                u[d] = v[d];
                k[0][d] = k[STAGES - 1][d];
            }
            previous = size;
            accepted++;
            done = lands;
        } else {
            rejected++;
        }
    }
    counts[0] = accepted;
    counts[1] = rejected;
}
