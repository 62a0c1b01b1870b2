/** Lines in columns: numbers to the right, text to the left, and nothing after the last of a line. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const written = rows.map((row) => row.map(String));
  const widths = heads.map((head, at) => Math.max(head.length, ...written.map((row) => row[at]?.length ?? 0)));
  const isNumber = heads.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === 'number'));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] === true ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(heads), ...written.map(line)].join('\n');
}
