/** Freezes plain data all the way down; anything with a prototype of its own (a schema, a URL) is left alone. */
export function freezeData<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) freezeData(child);
  return value;
}
