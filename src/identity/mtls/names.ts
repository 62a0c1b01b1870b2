/** The first value of each part of a distinguished name, without its escapes. */
export function partsOf(name: string): { readonly [part: string]: string } {
  const parts: Record<string, string> = {};
  for (const [, part = '', value = ''] of name.matchAll(/(?:^|[,+])([A-Za-z][A-Za-z0-9-]*)=((?:\\.|[^,+\\])*)/g)) {
    if (!Object.hasOwn(parts, part)) parts[part] = value.replace(/\\([0-9a-f]{2}|.)/gi, (_all, code: string) => unescaped(code));
  }
  return parts;
}

const unescaped = (code: string): string => (code.length === 2 ? String.fromCharCode(Number.parseInt(code, 16)) : code);
