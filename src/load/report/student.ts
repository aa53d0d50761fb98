/**
 * Student's t distribution.
 *
 * @module
 */

/**
 * Returns the value that a variable of Student's t distribution with `freedom` degrees of freedom exceeds with probability
 * `1 - probability`. `probability` is between 0 and 1.
 */
export function studentQuantile(probability: number, freedom: number): number {
  if (probability === 0.5) return 0;
  if (probability < 0.5) return -studentQuantile(1 - probability, freedom);
  let low = 0;
  let high = 1;
  while (studentCdf(high, freedom) < probability) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, freedom) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Returns the probability that a variable of Student's t distribution is at most `t`: Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 26.7.1 with 26.5.27, by the incomplete beta function.
 */
export function studentCdf(t: number, freedom: number): number {
  const tail = incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

/** Regularized incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast only below the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x),
  ) / a;
  const tiny = 1e-300;
  let fraction = 1;
  let c = 1;
  let d = 0;
  for (let i = 0; i < 500; i++) {
    const m = Math.floor(i / 2);
    const numerator = i === 0
      ? 1
      : i % 2 === 0
      ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + numerator * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + numerator / c;
    if (Math.abs(c) < tiny) c = tiny;
    fraction *= c * d;
    if (Math.abs(1 - c * d) < 1e-14) break;
  }
  return front * (fraction - 1);
}

const LANCZOS = [
  ...[76.18009172947146, -86.50532032941677, 24.01409824083091],
  ...[-1.231739572450155, 1.208650973866179e-3, -5.395239384953e-6],
];

/** Logarithm of the gamma function for arguments above 0, to 10 digits (Lanczos, 1964). */
function logGamma(x: number): number {
  const base = x + 5.5;
  let sum = 1.000000000190015;
  LANCZOS.forEach((factor, i) => sum += factor / (x + 1 + i));
  return (x + 0.5) * Math.log(base) - base + Math.log(2.5066282746310005 * sum / x);
}
