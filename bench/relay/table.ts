/** How figures are put together and shown: medians, ratios and the rows of a table. What they mean is the parts' business. */
export const KIB = 1024;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

export const row = (...cells: string[]) => console.log(`| ${cells.join(" | ")} |`);

export function head(cells: readonly string[]): void {
  row(...cells);
  row(...cells.map(() => "---"));
}

export const against = (ours: number, floor: number) => `${(ours / floor).toFixed(2)}x`;
export const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
export const size = (bytes: number) => `${bytes / KIB} KiB`;
