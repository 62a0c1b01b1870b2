/** The standard normal's 97.5th percentile: of all intervals so made, 95 % hold the true share. */
const Z = 1.959_963_984_540_054;

/** Within which a share lies, 0…1. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The Wilson score interval, 95 %, of a share of which `count` of `total` were seen (Wilson, JASA 22, 1927). Everything is possible where nothing was seen. */
export function wilson(count: number, total: number): Interval {
  if (total <= 0) return { low: 0, high: 1 };
  const share = Math.min(1, Math.max(0, count / total));
  const z2 = Z * Z;
  const centre = share + z2 / (2 * total);
  const spread = Z * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  const scale = 1 + z2 / total;
  // At its ends the interval is exact, and rounding must not leave something of it.
  return {
    low: count <= 0 ? 0 : Math.max(0, (centre - spread) / scale),
    high: count >= total ? 1 : Math.min(1, (centre + spread) / scale),
  };
}
