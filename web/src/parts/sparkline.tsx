const WIDTH = 108;
const HEIGHT = 22;

/** The course of a metric, as small as a word; its values are in the table or on the run's page. */
export function Sparkline({ values = [], label }: { values?: number[]; label: string }) {
  const known = values.filter(Number.isFinite);
  if (known.length < 2) return null;
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  const span = greatest - least || 1;
  const points = values
    .map((value, index) => [
      1 + (index / (values.length - 1)) * (WIDTH - 2),
      HEIGHT - 2 - ((value - least) / span) * (HEIGHT - 4),
    ])
    .filter(([, up]) => Number.isFinite(up))
    .map((point) => point.map((each) => each.toFixed(1)).join(","));
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={label} style={{ display: "block" }}>
      <polyline points={points.join(" ")} fill="none" stroke="var(--mantine-color-anchor)" strokeWidth={1.4} />
    </svg>
  );
}
