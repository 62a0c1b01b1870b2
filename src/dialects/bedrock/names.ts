/** What a document is called that has no name: the API requires one. */
const NEUTRAL = /^document(?: \d+)?$/;

/**
 * Names of documents as the API takes them: letters, digits, single spaces, hyphens, brackets; no dots, so the ending
 * that the format says already goes. Each name once in a request.
 * Source: API reference, `DocumentBlock`.
 */
export class DocumentNames {
  readonly #taken = new Set<string>();

  /** The name to send; `isChanged` where reading it again would not give the caller's. */
  name(given: string | undefined, format: string): { readonly name: string; readonly isChanged: boolean } {
    const clean = cleanName(given, format);
    let name = clean;
    for (let count = 2; this.#taken.has(name); count++) name = `${clean} ${count}`;
    this.#taken.add(name);
    return { name, isChanged: readName(name, format) !== given };
  }
}

function cleanName(given: string | undefined, format: string): string {
  const ending = `.${format}`;
  const stem = given?.toLowerCase().endsWith(ending) ? given.slice(0, -ending.length) : given;
  const clean = stem
    ?.replace(/[^a-zA-Z0-9\s()[\]-]/g, '-')
    .replace(/\s+/g, ' ')
    .trim();
  return clean === undefined || clean === '' ? 'document' : clean.slice(0, 200);
}

/** The file name of a document, with the ending that its format says; none for a name that stands for none. */
export const readName = (name: string, format: string): string | undefined => (NEUTRAL.test(name) ? undefined : `${name}.${format}`);
