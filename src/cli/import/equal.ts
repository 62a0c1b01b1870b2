/** Whether two JSON values say the same, whatever the order of their fields. */
export function isDeepEqual(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_name, each: unknown) => (isRecord(each) ? Object.fromEntries(Object.entries(each).sort(byName)) : each)) ?? ''
  );
}

const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]) => (left < right ? -1 : 1);
